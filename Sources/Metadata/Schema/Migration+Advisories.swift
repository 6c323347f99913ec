extension Migration {
  /// Schema 9: advisories, what they find, and what people decided about it.
  static let advisories = Migration(
    number: 9, name: "advisories",
    script: """
      -- Where advisories come from. kind: osv, debian, secdb, csaf, kev, epss. failure: why the last try did not succeed.
      CREATE TABLE advisory_feed (
        name {TEXT} NOT NULL PRIMARY KEY,
        kind {TEXT} NOT NULL,
        records BIGINT NOT NULL,
        refreshed_at BIGINT,
        tried_at BIGINT,
        failure {TEXT},
        state {TEXT}
      );

      -- name: DSA-…, GHSA-…, CVE-…. hash: of the record as it was read, so that the same record changes nothing.
      -- content: what is shown and never asked for, as JSON.
      CREATE TABLE advisory (
        id {ID},
        feed {TEXT} NOT NULL,
        name {TEXT} NOT NULL,
        hash {TEXT} NOT NULL,
        modified {TEXT} NOT NULL,
        published {TEXT},
        is_withdrawn BIGINT NOT NULL,
        summary {TEXT} NOT NULL,
        severity {TEXT} NOT NULL,
        severity_source {TEXT} NOT NULL,
        score BIGINT,
        content {TEXT} NOT NULL,
        UNIQUE (feed, name)
      );
      CREATE INDEX advisory_name ON advisory (name);

      -- Other names of the very same flaw, what a distribution made the record from, and its own name.
      CREATE TABLE advisory_alias (
        alias {TEXT} NOT NULL,
        advisory_id BIGINT NOT NULL REFERENCES advisory (id) ON DELETE CASCADE,
        PRIMARY KEY (alias, advisory_id)
      ) {CLUSTERED};
      CREATE INDEX advisory_alias_advisory ON advisory_alias (advisory_id);

      -- What it says of one package. package: as the ecosystem compares names. content: ranges and versions, as Scanning encodes
      -- them.
      CREATE TABLE advisory_package (
        ecosystem {TEXT} NOT NULL,
        package {TEXT} NOT NULL,
        advisory_id BIGINT NOT NULL REFERENCES advisory (id) ON DELETE CASCADE,
        position BIGINT NOT NULL,
        content {BYTES} NOT NULL,
        PRIMARY KEY (ecosystem, package, advisory_id, position)
      ) {CLUSTERED};
      CREATE INDEX advisory_package_advisory ON advisory_package (advisory_id);

      -- A version of a package has a flaw. Of the package and not of an image, so it is stored once.
      -- state: affected, will-not-fix, deferred, end-of-life, under-investigation, undecidable. fixed: the version that mends it.
      CREATE TABLE finding (
        package_id BIGINT NOT NULL REFERENCES package (id) ON DELETE CASCADE,
        advisory_id BIGINT NOT NULL REFERENCES advisory (id) ON DELETE CASCADE,
        state {TEXT} NOT NULL,
        fixed {TEXT},
        severity {TEXT} NOT NULL,
        severity_source {TEXT} NOT NULL,
        score BIGINT,
        detail {TEXT},
        found_at BIGINT NOT NULL,
        PRIMARY KEY (package_id, advisory_id)
      ) {CLUSTERED};
      CREATE INDEX finding_advisory ON finding (advisory_id);

      -- What is known of a CVE beside advisories. epss, percentile: in millionths. kev_added: the day, where it is exploited.
      CREATE TABLE vulnerability (
        name {TEXT} NOT NULL PRIMARY KEY,
        kev_added {TEXT},
        kev_due {TEXT},
        kev_note {TEXT},
        epss BIGINT,
        percentile BIGINT
      ) {CLUSTERED};

      -- What changed because advisories did. kind: new, fixed, changed. environments: what ran it then, as a JSON list.
      CREATE TABLE finding_event (
        id {ID},
        at BIGINT NOT NULL,
        kind {TEXT} NOT NULL,
        feed {TEXT} NOT NULL,
        advisory {TEXT} NOT NULL,
        package_id BIGINT NOT NULL,
        ecosystem {TEXT} NOT NULL,
        package {TEXT} NOT NULL,
        version {TEXT} NOT NULL,
        severity {TEXT} NOT NULL,
        detail {TEXT},
        images BIGINT NOT NULL,
        environments {TEXT} NOT NULL
      );
      CREATE INDEX finding_event_at ON finding_event (at);
      CREATE INDEX finding_event_package ON finding_event (package_id);

      CREATE INDEX deployment_digest ON deployment (digest);

      -- A risk that somebody takes until a day. pattern: of repositories below the namespace; empty: all. vulnerability, package:
      -- empty: any.
      CREATE TABLE finding_exception (
        id {ID},
        namespace {TEXT} NOT NULL,
        pattern {TEXT} NOT NULL,
        vulnerability {TEXT} NOT NULL,
        package {TEXT} NOT NULL,
        reason {TEXT} NOT NULL,
        created_by {TEXT} NOT NULL,
        created_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        ended_by {TEXT},
        ended_at BIGINT
      );
      CREATE INDEX finding_exception_namespace ON finding_exception (namespace, expires_at);

      -- What a vendor or a team says of a vulnerability in a product. product: a package URL, or a digest. document: where it stands.
      CREATE TABLE vex_statement (
        id {ID},
        namespace {TEXT} NOT NULL,
        document {TEXT} NOT NULL,
        vulnerability {TEXT} NOT NULL,
        product {TEXT} NOT NULL,
        status {TEXT} NOT NULL,
        justification {TEXT} NOT NULL,
        detail {TEXT} NOT NULL,
        author {TEXT} NOT NULL,
        stated_at BIGINT NOT NULL
      );
      CREATE INDEX vex_statement_namespace ON vex_statement (namespace, vulnerability);
      CREATE INDEX vex_statement_document ON vex_statement (namespace, document);
      """)
}
