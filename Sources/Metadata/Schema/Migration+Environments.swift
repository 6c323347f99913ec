extension Migration {
  /// Schema 5: releases to environments, and what runs in each.
  static let environments = Migration(
    number: 5, name: "environments",
    script: """
      -- kind: promotion, rollback. state: pending, applied, rejected, cancelled. number counts by environment, from 1.
      -- sequence: the order in which they were carried out, by environment. effective: the number of the promotion whose state
      -- is in force after it: itself, or the one that was gone back to; base: the one that was in force before.
      -- goal: of a rollback, the release that it goes back to. idempotency_key: as the client gave it; body_hash: of what it asked.
      CREATE TABLE environment_release (
        id {ID},
        environment_id BIGINT NOT NULL REFERENCES environment (id),
        number BIGINT NOT NULL,
        kind {TEXT} NOT NULL,
        state {TEXT} NOT NULL,
        sequence BIGINT,
        effective BIGINT,
        base BIGINT,
        goal BIGINT,
        requested_by {TEXT} NOT NULL,
        reason {TEXT},
        request_id {TEXT} NOT NULL,
        idempotency_key {TEXT},
        body_hash {TEXT},
        requested_at BIGINT NOT NULL,
        ended_at BIGINT,
        UNIQUE (environment_id, number)
      );
      CREATE UNIQUE INDEX environment_release_key ON environment_release (environment_id, idempotency_key)
        WHERE idempotency_key IS NOT NULL;
      CREATE UNIQUE INDEX environment_release_sequence ON environment_release (environment_id, sequence)
        WHERE sequence IS NOT NULL;

      -- What a release changes in a repository; to_digest NULL: nothing runs there any more. source: as it was asked for.
      CREATE TABLE release_image (
        release_id BIGINT NOT NULL REFERENCES environment_release (id),
        repository_id BIGINT NOT NULL REFERENCES repository (id),
        from_digest {TEXT},
        to_digest {TEXT},
        source {TEXT} NOT NULL,
        PRIMARY KEY (release_id, repository_id)
      ) {CLUSTERED};
      CREATE INDEX release_image_repository ON release_image (repository_id, release_id);

      CREATE TABLE release_approval (
        release_id BIGINT NOT NULL REFERENCES environment_release (id),
        actor {TEXT} NOT NULL,
        comment {TEXT},
        at BIGINT NOT NULL,
        PRIMARY KEY (release_id, actor)
      ) {CLUSTERED};

      -- What runs now: the tag of the environment's name points to the same manifest.
      CREATE TABLE deployment (
        environment_id BIGINT NOT NULL REFERENCES environment (id),
        repository_id BIGINT NOT NULL REFERENCES repository (id),
        digest {TEXT} NOT NULL,
        release_id BIGINT NOT NULL REFERENCES environment_release (id),
        since BIGINT NOT NULL,
        PRIMARY KEY (environment_id, repository_id)
      ) {CLUSTERED};
      CREATE INDEX deployment_repository ON deployment (repository_id);
      """)
}
