extension Migration {
  /// Schema 1: repositories, blobs, manifests, tags and their events.
  ///
  /// Counters (`links`, `refs`, `tags`, `parents`) are changed in the transaction that changes what they count, so that
  /// whether something may be collected is one look at one row. `berth check` compares them with what they count.
  static let registry = Migration(
    number: 1, name: "registry",
    script: """
      CREATE TABLE repository (
        id {ID},
        name {TEXT} NOT NULL UNIQUE,
        manifests BIGINT NOT NULL,
        created_at BIGINT NOT NULL
      );
      CREATE INDEX repository_catalogue ON repository (name) WHERE manifests > 0;

      -- Bytes in the blob store. state: 1 present, 2 claimed by the collector, 3 corrupt.
      -- links: how many repositories have it.
      CREATE TABLE blob (
        digest {TEXT} NOT NULL PRIMARY KEY,
        size BIGINT NOT NULL,
        state BIGINT NOT NULL,
        links BIGINT NOT NULL,
        created_at BIGINT NOT NULL,
        checked_at BIGINT NOT NULL,
        leased_until BIGINT NOT NULL
      ) {CLUSTERED};
      CREATE INDEX blob_unlinked ON blob (leased_until) WHERE links = 0;
      CREATE INDEX blob_unsound ON blob (digest) WHERE state <> 1;

      -- A blob that can be read through a repository. refs: how many manifests of the repository name it.
      CREATE TABLE repository_blob (
        repository_id BIGINT NOT NULL REFERENCES repository (id),
        digest {TEXT} NOT NULL REFERENCES blob (digest),
        refs BIGINT NOT NULL,
        leased_until BIGINT NOT NULL,
        PRIMARY KEY (repository_id, digest)
      ) {CLUSTERED};
      CREATE INDEX repository_blob_unreferenced ON repository_blob (leased_until) WHERE refs = 0;
      CREATE INDEX repository_blob_digest ON repository_blob (digest);

      -- kind: 0 image manifest, 1 index. tags: how many tags name it. parents: how many indexes of the repository name it,
      -- and one more when its subject is there.
      -- idle_since: since when tags and parents are both 0.
      CREATE TABLE manifest (
        id {ID},
        repository_id BIGINT NOT NULL REFERENCES repository (id),
        digest {TEXT} NOT NULL,
        media_type {TEXT} NOT NULL,
        kind BIGINT NOT NULL,
        size BIGINT NOT NULL,
        artifact_type {TEXT},
        subject {TEXT},
        annotations {TEXT},
        tags BIGINT NOT NULL,
        parents BIGINT NOT NULL,
        idle_since BIGINT NOT NULL,
        pushed_at BIGINT NOT NULL,
        UNIQUE (repository_id, digest)
      );
      CREATE INDEX manifest_subject ON manifest (repository_id, subject, digest) WHERE subject IS NOT NULL;
      CREATE INDEX manifest_idle ON manifest (idle_since) WHERE tags = 0 AND parents = 0;

      CREATE TABLE manifest_content (
        manifest_id BIGINT NOT NULL PRIMARY KEY REFERENCES manifest (id),
        bytes {BYTES} NOT NULL
      );

      CREATE TABLE manifest_blob (
        manifest_id BIGINT NOT NULL REFERENCES manifest (id),
        digest {TEXT} NOT NULL,
        PRIMARY KEY (manifest_id, digest)
      ) {CLUSTERED};

      CREATE TABLE manifest_child (
        manifest_id BIGINT NOT NULL REFERENCES manifest (id),
        digest {TEXT} NOT NULL,
        PRIMARY KEY (manifest_id, digest)
      ) {CLUSTERED};
      CREATE INDEX manifest_child_digest ON manifest_child (digest);

      -- Blobs that an accepted manifest names and that its repository does not have (sparse manifests, a setting).
      CREATE TABLE missing_reference (
        repository_id BIGINT NOT NULL REFERENCES repository (id),
        digest {TEXT} NOT NULL,
        manifest_id BIGINT NOT NULL REFERENCES manifest (id),
        PRIMARY KEY (repository_id, digest, manifest_id)
      ) {CLUSTERED};
      CREATE INDEX missing_reference_manifest ON missing_reference (manifest_id);

      CREATE TABLE tag (
        repository_id BIGINT NOT NULL REFERENCES repository (id),
        name {TEXT} NOT NULL,
        digest {TEXT} NOT NULL,
        updated_at BIGINT NOT NULL,
        PRIMARY KEY (repository_id, name)
      ) {CLUSTERED};
      CREATE INDEX tag_digest ON tag (repository_id, digest);

      -- Every change of what a tag points to (invariant I6). kind: push, delete.
      CREATE TABLE tag_event (
        id {ID},
        repository_id BIGINT NOT NULL REFERENCES repository (id),
        tag {TEXT} NOT NULL,
        from_digest {TEXT},
        to_digest {TEXT},
        kind {TEXT} NOT NULL,
        actor {TEXT} NOT NULL,
        at BIGINT NOT NULL
      );
      CREATE INDEX tag_event_tag ON tag_event (repository_id, tag, id);

      -- Values that the installation keeps: secrets made at the first start, where a scrub has got to.
      CREATE TABLE keepsake (
        name {TEXT} NOT NULL PRIMARY KEY,
        value {BYTES} NOT NULL
      ) {CLUSTERED};
      """)
}
