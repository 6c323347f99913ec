extension Migration {
  /// Schema 6: facts of images, labels that people set, and the words that a search finds them by.
  ///
  /// Rows that belong to a manifest or a tag go with it by a cascade, so that a replica of the version before, which does not
  /// know them, can still delete.
  static let search = Migration(
    number: 6, name: "search",
    script: """
      -- actor: who pointed it there. version_key: SemanticVersion.key of its name. is_indexed: 0 until its words are written.
      ALTER TABLE tag ADD COLUMN actor {TEXT};
      ALTER TABLE tag ADD COLUMN version_key {TEXT};
      ALTER TABLE tag ADD COLUMN is_indexed BIGINT NOT NULL DEFAULT 0;
      UPDATE tag SET actor = (SELECT e.actor FROM tag_event e
        WHERE e.repository_id = tag.repository_id AND e.tag = tag.name ORDER BY e.id DESC LIMIT 1);
      CREATE INDEX tag_version ON tag (repository_id, version_key) WHERE version_key IS NOT NULL;
      CREATE INDEX tag_updated ON tag (updated_at, repository_id, name);
      CREATE INDEX tag_actor ON tag (actor, updated_at);
      CREATE INDEX tag_unindexed ON tag (repository_id, name) WHERE is_indexed = 0;

      ALTER TABLE repository ADD COLUMN is_indexed BIGINT NOT NULL DEFAULT 0;
      CREATE INDEX repository_unindexed ON repository (id) WHERE is_indexed = 0;

      -- facts_due: when its facts are to be read; NULL when they are. facts_tries: how often that failed.
      ALTER TABLE manifest ADD COLUMN facts_due BIGINT DEFAULT 0;
      ALTER TABLE manifest ADD COLUMN facts_tries BIGINT NOT NULL DEFAULT 0;
      CREATE INDEX manifest_facts ON manifest (facts_due, id) WHERE facts_due IS NOT NULL;
      CREATE INDEX manifest_digest ON manifest (digest);
      CREATE INDEX manifest_untagged ON manifest (pushed_at, repository_id, digest) WHERE tags = 0 AND hidden_at IS NULL;

      -- What an image says of itself. state: read, or failed with its reason. platforms: joined by commas.
      CREATE TABLE image_fact (
        manifest_id BIGINT NOT NULL PRIMARY KEY REFERENCES manifest (id) ON DELETE CASCADE,
        state {TEXT} NOT NULL,
        reason {TEXT},
        built_at BIGINT,
        version {TEXT},
        version_key {TEXT},
        revision {TEXT},
        source {TEXT},
        title {TEXT},
        licenses {TEXT},
        base_name {TEXT},
        base_digest {TEXT},
        platforms {TEXT},
        size BIGINT,
        layers BIGINT
      );
      CREATE INDEX image_fact_built ON image_fact (built_at) WHERE built_at IS NOT NULL;

      -- Labels of configurations and annotations of manifests, as many as are kept.
      CREATE TABLE image_label (
        manifest_id BIGINT NOT NULL REFERENCES manifest (id) ON DELETE CASCADE,
        key {TEXT} NOT NULL,
        value {TEXT} NOT NULL,
        PRIMARY KEY (manifest_id, key)
      ) {CLUSTERED};
      CREATE INDEX image_label_value ON image_label (key, value, manifest_id);

      -- Labels that people set on a tag or a digest (target), and each change of them.
      CREATE TABLE label (
        repository_id BIGINT NOT NULL REFERENCES repository (id),
        target {TEXT} NOT NULL,
        key {TEXT} NOT NULL,
        value {TEXT} NOT NULL,
        set_by {TEXT} NOT NULL,
        set_at BIGINT NOT NULL,
        PRIMARY KEY (repository_id, target, key)
      ) {CLUSTERED};
      CREATE INDEX label_value ON label (key, value, repository_id, target);

      CREATE TABLE label_event (
        id {ID},
        repository_id BIGINT NOT NULL REFERENCES repository (id),
        target {TEXT} NOT NULL,
        key {TEXT} NOT NULL,
        from_value {TEXT},
        to_value {TEXT},
        actor {TEXT} NOT NULL,
        reason {TEXT},
        request_id {TEXT},
        at BIGINT NOT NULL
      );
      CREATE INDEX label_event_target ON label_event (repository_id, target, id);

      -- Texts from each beginning of a word on, in lower case: a search for words is a range of them.
      CREATE TABLE repository_word (
        repository_id BIGINT NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
        word {TEXT} NOT NULL,
        PRIMARY KEY (repository_id, word)
      ) {CLUSTERED};
      CREATE INDEX repository_word_word ON repository_word (word, repository_id);

      CREATE TABLE tag_word (
        repository_id BIGINT NOT NULL,
        tag {TEXT} NOT NULL,
        word {TEXT} NOT NULL,
        PRIMARY KEY (repository_id, tag, word),
        FOREIGN KEY (repository_id, tag) REFERENCES tag (repository_id, name) ON DELETE CASCADE
      ) {CLUSTERED};
      CREATE INDEX tag_word_word ON tag_word (word, repository_id, tag);

      CREATE TABLE manifest_word (
        manifest_id BIGINT NOT NULL REFERENCES manifest (id) ON DELETE CASCADE,
        word {TEXT} NOT NULL,
        PRIMARY KEY (manifest_id, word)
      ) {CLUSTERED};
      CREATE INDEX manifest_word_word ON manifest_word (word, manifest_id);

      CREATE TABLE label_word (
        repository_id BIGINT NOT NULL REFERENCES repository (id),
        target {TEXT} NOT NULL,
        word {TEXT} NOT NULL,
        PRIMARY KEY (repository_id, target, word)
      ) {CLUSTERED};
      CREATE INDEX label_word_word ON label_word (word, repository_id, target);
      """)
}
