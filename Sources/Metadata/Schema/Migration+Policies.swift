extension Migration {
  /// Schema 10: what policies say of releases, exceptions that are about to end, and by which rules packages were judged.
  static let policies = Migration(
    number: 10, name: "policies",
    script: """
      -- warnings: what policies warn of in its images, as a JSON list; NULL: nothing.
      ALTER TABLE environment_release ADD COLUMN warnings {TEXT};

      -- announced_at: when it was told that the exception is about to end.
      ALTER TABLE finding_exception ADD COLUMN announced_at BIGINT;
      CREATE INDEX finding_exception_expires ON finding_exception (expires_at) WHERE announced_at IS NULL;

      -- subject: the image that the document is attached to; document is its manifest's digest then.
      ALTER TABLE vex_statement ADD COLUMN subject {TEXT};

      -- matcher: the revision of the rules by which the package was given its subjects and judged.
      ALTER TABLE package ADD COLUMN matcher BIGINT NOT NULL DEFAULT 0;
      ALTER TABLE image_inventory ADD COLUMN matcher BIGINT NOT NULL DEFAULT 0;
      CREATE INDEX image_inventory_matcher ON image_inventory (matcher) WHERE due IS NULL;
      """)
}
