extension Migration {
  /// Schema 3: who there is and what they may do, and the record of what they did.
  ///
  /// Secrets are kept as hashes, but for the private half of signing keys.
  static let access = Migration(
    number: 3, name: "access",
    script: """
      -- The first part of repositories' names. Who is not in this table owns nothing: a namespace begins when it is made or
      -- when a site admin pushes to it.
      CREATE TABLE namespace (
        name {TEXT} NOT NULL PRIMARY KEY,
        is_public BIGINT NOT NULL,
        created_at BIGINT NOT NULL
      ) {CLUSTERED};

      -- kind: person, robot. namespace: a robot's. password: as crypt(5) writes it. site_role: admin, auditor.
      -- issuer, subject: whom single sign-on knows as this person. epoch: counted on when everything that was made with the
      -- password must end.
      CREATE TABLE account (
        id {ID},
        name {TEXT} NOT NULL UNIQUE,
        kind {TEXT} NOT NULL,
        namespace {TEXT} REFERENCES namespace (name),
        password {TEXT},
        site_role {TEXT},
        is_disabled BIGINT NOT NULL,
        issuer {TEXT},
        subject {TEXT},
        epoch BIGINT NOT NULL,
        created_at BIGINT NOT NULL,
        seen_at BIGINT NOT NULL
      );
      CREATE UNIQUE INDEX account_subject ON account (issuer, subject) WHERE issuer IS NOT NULL;
      CREATE INDEX account_namespace ON account (namespace) WHERE namespace IS NOT NULL;

      -- sso_group: a group of an issuer whose members are in the team while they are in the group.
      CREATE TABLE team (
        id {ID},
        name {TEXT} NOT NULL UNIQUE,
        sso_group {TEXT},
        created_at BIGINT NOT NULL
      );
      CREATE INDEX team_group ON team (sso_group) WHERE sso_group IS NOT NULL;

      -- source: manual, or the issuer that says so.
      CREATE TABLE team_member (
        team_id BIGINT NOT NULL REFERENCES team (id),
        account_id BIGINT NOT NULL REFERENCES account (id),
        source {TEXT} NOT NULL,
        PRIMARY KEY (team_id, account_id, source)
      ) {CLUSTERED};
      CREATE INDEX team_member_account ON team_member (account_id);

      -- A role for an account or a team on the repositories of a namespace that the pattern takes.
      CREATE TABLE access_grant (
        id {ID},
        namespace {TEXT} NOT NULL REFERENCES namespace (name),
        pattern {TEXT} NOT NULL,
        account_id BIGINT REFERENCES account (id),
        team_id BIGINT REFERENCES team (id),
        role {TEXT} NOT NULL,
        granted_by {TEXT} NOT NULL,
        created_at BIGINT NOT NULL
      );
      CREATE UNIQUE INDEX access_grant_account ON access_grant (account_id, namespace, pattern) WHERE account_id IS NOT NULL;
      CREATE UNIQUE INDEX access_grant_team ON access_grant (team_id, namespace, pattern) WHERE team_id IS NOT NULL;
      CREATE INDEX access_grant_namespace ON access_grant (namespace, id);

      -- kind: personal, robot, refresh, session. hash: SHA-256 of the secret. scope: what it may at most; NULL: whatever the
      -- account may. parent: the token that it ends with. epoch: the account's, for one that was had for a password.
      CREATE TABLE token (
        id {TEXT} NOT NULL PRIMARY KEY,
        account_id BIGINT NOT NULL REFERENCES account (id),
        kind {TEXT} NOT NULL,
        name {TEXT} NOT NULL,
        hash {TEXT} NOT NULL UNIQUE,
        scope {TEXT},
        parent {TEXT},
        epoch BIGINT,
        expires_at BIGINT,
        used_at BIGINT NOT NULL,
        created_at BIGINT NOT NULL
      ) {CLUSTERED};
      CREATE INDEX token_account ON token (account_id, id);
      CREATE INDEX token_parent ON token (parent) WHERE parent IS NOT NULL;
      CREATE INDEX token_expiry ON token (expires_at) WHERE expires_at IS NOT NULL;

      -- Who needs no stored secret: a token of the issuer with these claims has the role for so many seconds.
      CREATE TABLE trust_rule (
        id {ID},
        namespace {TEXT} NOT NULL REFERENCES namespace (name),
        name {TEXT} NOT NULL,
        issuer {TEXT} NOT NULL,
        audience {TEXT},
        claims {TEXT} NOT NULL,
        pattern {TEXT} NOT NULL,
        role {TEXT} NOT NULL,
        lifetime_seconds BIGINT NOT NULL,
        created_by {TEXT} NOT NULL,
        created_at BIGINT NOT NULL,
        UNIQUE (namespace, name)
      );
      CREATE INDEX trust_rule_issuer ON trust_rule (issuer);

      -- A client certificate that stands for a robot. field: subject, dns, uri, email.
      CREATE TABLE certificate_rule (
        id {ID},
        account_id BIGINT NOT NULL REFERENCES account (id),
        field {TEXT} NOT NULL,
        value {TEXT} NOT NULL,
        created_at BIGINT NOT NULL,
        UNIQUE (field, value)
      );

      -- Keys that sign the tokens of this registry. retired_at: since when it signs no more.
      CREATE TABLE signing_key (
        id {TEXT} NOT NULL PRIMARY KEY,
        private_key {BYTES} NOT NULL,
        created_at BIGINT NOT NULL,
        retired_at BIGINT
      ) {CLUSTERED};

      -- A login that began at a terminal and goes on in a browser (RFC 8628). account_id: who said yes.
      CREATE TABLE device_login (
        device_hash {TEXT} NOT NULL PRIMARY KEY,
        user_code {TEXT} NOT NULL UNIQUE,
        client {TEXT} NOT NULL,
        account_id BIGINT REFERENCES account (id),
        is_denied BIGINT NOT NULL,
        polled_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL
      ) {CLUSTERED};

      -- Counted on by every transaction that changes who may do what: what is kept in memory holds while it stands still.
      CREATE TABLE access_revision (
        id BIGINT NOT NULL PRIMARY KEY,
        number BIGINT NOT NULL
      ) {CLUSTERED};
      INSERT INTO access_revision (id, number) VALUES (1, 1);

      -- What was done, by whom, from where, with which credential, and how it ended. position, content_hash and chain_hash are
      -- filled in when the record joins the chain; a record that retention removed keeps only these.
      CREATE TABLE audit_record (
        id {ID},
        kind {TEXT} NOT NULL,
        outcome {TEXT} NOT NULL,
        actor {TEXT} NOT NULL,
        credential {TEXT} NOT NULL,
        address {TEXT} NOT NULL,
        namespace {TEXT},
        target {TEXT} NOT NULL,
        detail {TEXT} NOT NULL,
        request_id {TEXT} NOT NULL,
        at BIGINT NOT NULL,
        position BIGINT,
        content_hash {TEXT},
        chain_hash {TEXT}
      );
      CREATE UNIQUE INDEX audit_record_position ON audit_record (position) WHERE position IS NOT NULL;
      CREATE INDEX audit_record_unsealed ON audit_record (id) WHERE position IS NULL;
      CREATE INDEX audit_record_namespace ON audit_record (namespace, id) WHERE namespace IS NOT NULL;
      CREATE INDEX audit_record_actor ON audit_record (actor, id);
      CREATE INDEX audit_record_kind ON audit_record (kind, at);
      """)
}
