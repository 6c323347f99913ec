extension Migration {
  /// Schema 4: tags with a memory; manifests that history keeps; rules about tags; environments.
  static let tagMemory = Migration(
    number: 4, name: "tag memory",
    script: """
      -- namespace: of the repository, so that a namespace's history is one look into an index. reason: in words, as it was
      -- given. request_id: as in the log. release_id: the release that it is part of. is_kept: 1 while the manifest that
      -- to_digest names counts this event; 0 when that manifest is not there to go back to.
      -- kind: push, delete, restore, promotion, rollback, retention, channel.
      ALTER TABLE tag_event ADD COLUMN namespace {TEXT};
      ALTER TABLE tag_event ADD COLUMN reason {TEXT};
      ALTER TABLE tag_event ADD COLUMN request_id {TEXT};
      ALTER TABLE tag_event ADD COLUMN release_id BIGINT;
      ALTER TABLE tag_event ADD COLUMN is_kept BIGINT NOT NULL DEFAULT 1;
      UPDATE tag_event SET namespace = (
        SELECT substr(r.name, 1, {POSITION}(r.name || '/', '/') - 1) FROM repository r WHERE r.id = tag_event.repository_id);
      CREATE INDEX tag_event_repository ON tag_event (repository_id, id);
      CREATE INDEX tag_event_namespace ON tag_event (namespace, id) WHERE namespace IS NOT NULL;

      -- events: how many kept events of the repository point a tag to it: it stays while there is one. hidden_at: since when
      -- it is deleted for every reader, and kept for history.
      ALTER TABLE manifest ADD COLUMN events BIGINT NOT NULL DEFAULT 0;
      ALTER TABLE manifest ADD COLUMN hidden_at BIGINT;
      CREATE INDEX tag_event_migration ON tag_event (repository_id, to_digest);
      UPDATE manifest SET events = (SELECT COUNT(*) FROM tag_event e
        WHERE e.repository_id = manifest.repository_id AND e.to_digest = manifest.digest);
      UPDATE tag_event SET is_kept = 0 WHERE to_digest IS NULL OR NOT EXISTS (SELECT 1 FROM manifest m
        WHERE m.repository_id = tag_event.repository_id AND m.digest = tag_event.to_digest);
      DROP INDEX tag_event_migration;
      DROP INDEX manifest_idle;
      CREATE INDEX manifest_idle ON manifest (idle_since) WHERE tags = 0 AND parents = 0 AND events = 0;
      CREATE INDEX manifest_hidden ON manifest (repository_id, digest) WHERE hidden_at IS NOT NULL;
      CREATE INDEX manifest_forgotten ON manifest (id) WHERE hidden_at IS NOT NULL AND events = 0;

      -- history_from: what tags pointed to before this moment is not known any more.
      ALTER TABLE repository ADD COLUMN history_from BIGINT NOT NULL DEFAULT 0;

      -- What a namespace wants of the tags in those of its repositories that the pattern takes. kind: immutable, history,
      -- retention, channels. value: JSON.
      CREATE TABLE repository_rule (
        id {ID},
        namespace {TEXT} NOT NULL,
        kind {TEXT} NOT NULL,
        pattern {TEXT} NOT NULL,
        value {TEXT} NOT NULL,
        changed_by {TEXT} NOT NULL,
        changed_at BIGINT NOT NULL,
        UNIQUE (namespace, kind, pattern)
      );

      -- A name under which the repositories that the patterns take show what is deployed there: a tag that only promotion and
      -- rolling back move. repositories: a JSON array of patterns. settings: a JSON object.
      -- effective: the number of the release that is in force; NULL before the first.
      CREATE TABLE environment (
        id {ID},
        namespace {TEXT} NOT NULL,
        name {TEXT} NOT NULL,
        repositories {TEXT} NOT NULL,
        settings {TEXT} NOT NULL,
        effective BIGINT,
        created_by {TEXT} NOT NULL,
        created_at BIGINT NOT NULL,
        UNIQUE (namespace, name)
      );
      """)
}
