extension Migration {
  /// Schema 2: where a blob lies in an object store, uploads that any replica can go on with, chores that one replica at a
  /// time does.
  static let replicas = Migration(
    number: 2, name: "replicas",
    script: """
      -- The store's own name of the bytes; NULL where they lie under their digest. Never used twice.
      ALTER TABLE blob ADD COLUMN place {TEXT};
      CREATE UNIQUE INDEX blob_place ON blob (place) WHERE place IS NOT NULL;

      -- An upload to an object store. claim: who works on it, until claimed_until; place is empty before the first byte.
      -- hash: the state of its hash over all bytes. pending: the last of them, too few for a part.
      CREATE TABLE upload (
        id {TEXT} NOT NULL PRIMARY KEY,
        place {TEXT} NOT NULL,
        multipart {TEXT},
        is_whole BIGINT NOT NULL,
        size BIGINT NOT NULL,
        pending {BYTES} NOT NULL,
        hash {BYTES} NOT NULL,
        claim {TEXT},
        claimed_until BIGINT NOT NULL,
        touched_at BIGINT NOT NULL,
        created_at BIGINT NOT NULL
      ) {CLUSTERED};
      CREATE INDEX upload_touched ON upload (touched_at);
      CREATE INDEX upload_place ON upload (place);

      CREATE TABLE upload_part (
        upload_id {TEXT} NOT NULL REFERENCES upload (id),
        number BIGINT NOT NULL,
        entity_tag {TEXT} NOT NULL,
        size BIGINT NOT NULL,
        PRIMARY KEY (upload_id, number)
      ) {CLUSTERED};

      -- Uploads that are over, remembered for a while: a client that goes on with one is told so by every replica.
      CREATE TABLE ended_upload (
        id {TEXT} NOT NULL PRIMARY KEY,
        ended_at BIGINT NOT NULL
      ) {CLUSTERED};
      CREATE INDEX ended_upload_at ON ended_upload (ended_at);

      -- Work that one replica at a time does. next_at: not before then.
      CREATE TABLE chore (
        name {TEXT} NOT NULL PRIMARY KEY,
        holder {TEXT} NOT NULL,
        held_until BIGINT NOT NULL,
        next_at BIGINT NOT NULL
      ) {CLUSTERED};
      """)
}
