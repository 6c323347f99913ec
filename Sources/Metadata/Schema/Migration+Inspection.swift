extension Migration {
  /// Schema 8: what is in layers and in images.
  ///
  /// A layer is read once for the whole registry, and an image is folded once, however many repositories have it: both are
  /// keyed by digest. Rows of a layer go with its blob by a cascade, so that a replica of the version before, which does not know
  /// them, can still collect it.
  static let inspection = Migration(
    number: 8, name: "inspection",
    script: """
      -- state: waiting, read, failed. due: when it is to be read (again); NULL: it is not. revision: of the cataloguers that read
      -- it. inventory: as Scanning encodes it; NULL until it is read.
      CREATE TABLE layer_inventory (
        digest {TEXT} NOT NULL PRIMARY KEY REFERENCES blob (digest) ON DELETE CASCADE,
        state {TEXT} NOT NULL,
        reason {TEXT},
        revision BIGINT NOT NULL,
        due BIGINT,
        tries BIGINT NOT NULL,
        entries BIGINT NOT NULL,
        uncompressed BIGINT NOT NULL,
        read_at BIGINT,
        inventory {BYTES}
      );
      CREATE INDEX layer_inventory_due ON layer_inventory (due, digest) WHERE due IS NOT NULL;
      CREATE INDEX layer_inventory_revision ON layer_inventory (revision) WHERE due IS NULL;

      -- The list of a layer's files, in parts that follow one another.
      CREATE TABLE layer_file_list (
        digest {TEXT} NOT NULL REFERENCES layer_inventory (digest) ON DELETE CASCADE,
        part BIGINT NOT NULL,
        bytes {BYTES} NOT NULL,
        PRIMARY KEY (digest, part)
      );

      -- digest: of the image's manifest. state: waiting, inventoried, unknown-distribution, package-database-removed, failed.
      CREATE TABLE image_inventory (
        id {ID},
        digest {TEXT} NOT NULL UNIQUE,
        state {TEXT} NOT NULL,
        reason {TEXT},
        due BIGINT,
        tries BIGINT NOT NULL,
        os {TEXT},
        os_version {TEXT},
        os_name {TEXT},
        packages BIGINT NOT NULL,
        created_at BIGINT NOT NULL,
        inventoried_at BIGINT
      );
      CREATE INDEX image_inventory_due ON image_inventory (due, id) WHERE due IS NOT NULL;

      -- position: counted from the base on.
      CREATE TABLE image_layer (
        image_id BIGINT NOT NULL REFERENCES image_inventory (id) ON DELETE CASCADE,
        position BIGINT NOT NULL,
        digest {TEXT} NOT NULL,
        PRIMARY KEY (image_id, position)
      ) {CLUSTERED};
      CREATE INDEX image_layer_digest ON image_layer (digest, image_id);

      -- A version of a package, once for the whole registry. What it does not have is the empty text.
      CREATE TABLE package (
        id {ID},
        type {TEXT} NOT NULL,
        distribution {TEXT} NOT NULL,
        name {TEXT} NOT NULL,
        version {TEXT} NOT NULL,
        architecture {TEXT} NOT NULL,
        source_name {TEXT} NOT NULL,
        source_version {TEXT} NOT NULL,
        module {TEXT} NOT NULL,
        vendor {TEXT} NOT NULL,
        licenses {TEXT} NOT NULL,
        not_judged {TEXT},
        UNIQUE (type, name, version, distribution, architecture, source_name, source_version, module, vendor)
      );
      CREATE INDEX package_name ON package (name, version);

      -- By what names advisories speak of it. name: as the ecosystem compares names.
      CREATE TABLE package_subject (
        ecosystem {TEXT} NOT NULL,
        name {TEXT} NOT NULL,
        package_id BIGINT NOT NULL REFERENCES package (id) ON DELETE CASCADE,
        version {TEXT} NOT NULL,
        PRIMARY KEY (ecosystem, name, package_id)
      ) {CLUSTERED};
      CREATE INDEX package_subject_package ON package_subject (package_id);

      -- layer: its position. owned_by: the package of the operating system that brought it along.
      CREATE TABLE image_package (
        package_id BIGINT NOT NULL REFERENCES package (id),
        image_id BIGINT NOT NULL REFERENCES image_inventory (id) ON DELETE CASCADE,
        path {TEXT} NOT NULL,
        layer BIGINT NOT NULL,
        owned_by {TEXT},
        PRIMARY KEY (package_id, image_id, path)
      ) {CLUSTERED};
      CREATE INDEX image_package_image ON image_package (image_id);

      -- Private keys, set-user-ID files and the like. is_hidden: an upper layer removes the file; its layer still carries it.
      CREATE TABLE image_notice (
        image_id BIGINT NOT NULL REFERENCES image_inventory (id) ON DELETE CASCADE,
        kind {TEXT} NOT NULL,
        path {TEXT} NOT NULL,
        detail {TEXT} NOT NULL,
        layer BIGINT NOT NULL,
        is_hidden BIGINT NOT NULL,
        PRIMARY KEY (image_id, kind, path, detail, layer)
      ) {CLUSTERED};

      -- Images that are here already are found by reading their facts again.
      UPDATE manifest SET facts_due = 0 WHERE kind = 0 AND facts_due IS NULL;
      """)
}
