extension SettingTable {
  /// The settings of this version of Berth. Defaults are the initial values in ``Settings``.
  static let standard = SettingTable(
    definitions: storage + database + s3 + http + access + inspection + limits + uploads + collection + integrity
      + manifests + cache
      + logging
      + workers,
    sections: [
      .init(path: "storage", help: "Where Berth keeps blobs and its database."),
      .init(path: "database", help: "How PostgreSQL is used, when `storage.database` names one."),
      .init(path: "s3", help: "How the object store is used, when `storage.blobs` names one."),
      .init(path: "http", help: "Where the server listens and how clients reach it."),
      .init(path: "http.tls", help: "Encryption. Without a certificate the server speaks plain HTTP."),
      .init(path: "access", help: "Who may do what."),
      .init(path: "inspection", help: "What is in images, and what is wrong with them."),
      .init(path: "limits", help: "What clients may take, so that a slow or greedy one cannot starve the others."),
      .init(path: "uploads", help: "Blob uploads that are under way."),
      .init(path: "collection", help: "Background removal of blobs and manifests that nothing refers to."),
      .init(path: "integrity", help: "Background check of stored bytes against their digests."),
      .init(path: "manifests", help: "What a manifest must fulfil to be accepted."),
      .init(path: "cache", help: "Memory and open files kept for content in demand."),
      .init(path: "logging", help: "What is written to standard error, and how."),
      .init(path: "workers", help: "Threads for disk and database work."),
    ])

  private static let storage: [SettingDefinition] = [
    .init(
      "storage.data", \.storage.data, .path, aliases: ["BERTH_DATA"], flag: "--data", reload: .restart,
      help: "Directory for blobs and the database; made when it is missing, unused when both are elsewhere."),
    .init(
      "storage.database", \.storage.database, .optional(.databaseURL), aliases: ["BERTH_DATABASE"],
      flag: "--database", reload: .restart,
      help: "PostgreSQL 15 or newer, in libpq's form. When absent: an SQLite file in the data directory."),
    .init(
      "storage.blobs", \.storage.blobs, .optional(.blobsURL), aliases: ["BERTH_BLOBS"], flag: "--blobs",
      reload: .restart,
      help: "An S3-compatible object store; docs/scaling.md has the parameters. When absent: the data directory."),
  ]

  private static let inspection: [SettingDefinition] = [
    .init(
      "inspection.enabled", \.inspection.enabled, .boolean,
      help: "Read layers of images in the background. Without it new images stay without an inventory."),
    .init(
      "inspection.feeds", \.inspection.feeds, .list(of: .feed), reload: .restart,
      help: "Feeds of advisories, fetched by one of all replicas; docs/inspection.md lists addresses."),
    .init(
      "inspection.refresh_interval", \.inspection.refreshInterval, .duration(.seconds(60)...(.seconds(30 * 86_400))),
      reload: .restart, help: "Time between two looks at a feed. What has not changed is not sent again."),
    .init(
      "inspection.bundle_keys", \.inspection.bundleKeys, .list(of: .path), reload: .restart,
      help: "Files with public keys of Ed25519; a bundle that a feed brings is signed by one of them."),
  ]

  private static let database: [SettingDefinition] = [
    .init(
      "database.password_file", \.database.passwordFile, .optional(.path), reload: .restart,
      help: "File that holds the password and nothing else. `PGPASSWORD` and `PGPASSFILE` work too."),
    .init(
      "database.connections", \.database.connections, .integer(2...1000), reload: .restart,
      help: "Connections of this process at most. Those of all replicas must stay under `max_connections`."),
    .init(
      "database.connect_timeout", \.database.connectTimeout, .duration(.seconds(1)...(.seconds(3600))),
      reload: .restart,
      help: "Time that making a connection may take, for each host of the URL; two seconds at the least."),
    .init(
      "database.statement_timeout", \.database.statementTimeout, .duration(.seconds(1)...(.seconds(3600))),
      reload: .restart, help: "Time that one statement may take."),
    .init(
      "database.wait_timeout", \.database.waitTimeout, .duration(.milliseconds(100)...(.seconds(3600))),
      reload: .restart, help: "Time that a request waits for a free connection before it is answered with 503."),
    .init(
      "database.patience", \.database.patience, .duration(.zero...(.seconds(3600))), reload: .restart,
      help: "Time that a request waits for a database that is restarting or failing over."),
    .init(
      "database.prepared_statements", \.database.preparedStatements, .boolean, reload: .restart,
      help: "Keep statements prepared. Turn it off behind a pooler in transaction mode."),
  ]

  private static let s3: [SettingDefinition] = [
    .init(
      "s3.access_key_id", \.s3.accessKeyID, .optional(.word), reload: .restart,
      help: "When absent, credentials come from where AWS users have them: variables, files, the platform."),
    .init(
      "s3.secret_access_key", \.s3.secretAccessKey, .optional(.word), reload: .restart, isSecret: true,
      help: "The secret of `s3.access_key_id`. Better kept in a file."),
    .init(
      "s3.secret_access_key_file", \.s3.secretAccessKeyFile, .optional(.path), reload: .restart,
      help: "File that holds the secret of `s3.access_key_id` and nothing else."),
    .init(
      "s3.redirect", \.s3.redirect, .redirectPolicy,
      help:
        "Whose downloads go to the store by a signed URL. `auto`: everybody's where no endpoint is named."),
    .init(
      "s3.redirect_lifetime", \.s3.redirectLifetime, .duration(.seconds(60)...(.seconds(7 * 86_400))),
      help: "How long a signed URL can be used. A download that has begun goes on."),
    .init(
      "s3.connections", \.s3.connections, .integer(1...10_000), reload: .restart,
      help: "Connections to the object store that this process keeps at most."),
    .init(
      "s3.request_timeout", \.s3.requestTimeout, .duration(.seconds(1)...(.seconds(3600))), reload: .restart,
      help: "Time that a request to the object store may make no progress."),
    .init(
      "s3.retry_timeout", \.s3.retryTimeout, .duration(.zero...(.seconds(3600))), reload: .restart,
      help:
        "How long a failed request is tried again: on 429, 500, 502, 503, 504, passing errors, and broken connections."),
    .init(
      "s3.buffer_bytes", \.s3.bufferBytes, .byteSize(33_554_432...1_099_511_627_776), reload: .restart,
      help: "Memory for bytes on their way to the object store; uploads beyond it wait."),
  ]

  private static let http: [SettingDefinition] = [
    .init(
      "http.listen", \.http.listen, .list(of: .listenAddress, atLeast: 1), aliases: ["BERTH_LISTEN"], flag: "--listen",
      reload: .restart,
      help: "Addresses to listen on. Without a host (`:5000`) it is every address; port 0 lets the system choose."),
    .init(
      "http.public_url", \.http.publicURL, .optional(.publicURL), aliases: ["BERTH_PUBLIC_URL"], flag: "--public-url",
      help: "The address that clients use, for `Location` headers. When absent it is taken from the request."),
    .init(
      "http.trust_forwarded", \.http.trustForwarded, .list(of: .trustedPeer),
      help: "Networks of proxies whose `Forwarded` and `X-Forwarded-*` headers are believed; `unix` for unix sockets."),
    .init(
      "http.http2", \.http.http2, .boolean, reload: .restart, help: "Offer HTTP/2 to clients that connect over TLS."),
    .init(
      "http.tls.certificate", \.http.tls.certificate, .optional(.path), reload: .restart,
      help: "PEM file with the certificate and its chain. Read again when the file changes."),
    .init(
      "http.tls.key", \.http.tls.key, .optional(.path), reload: .restart,
      help: "PEM file with the private key of the certificate."),
    .init(
      "http.tls.minimum_version", \.http.tls.minimumVersion, .choice(), reload: .restart,
      help: "The oldest TLS version that is accepted."),
    .init(
      "http.tls.client_ca", \.http.tls.clientCA, .optional(.path), reload: .restart,
      help:
        "PEM file with the authority of client certificates, which may then stand for robots. When absent none is asked for."
    ),
  ]

  private static let access: [SettingDefinition] = [
    .init(
      "access.open", \.access.open, .boolean, aliases: ["BERTH_OPEN"], flag: "--open", reload: .restart,
      help: "Let everyone push, pull and delete. Only with loopback addresses and unix sockets in `http.listen`."),
    .init(
      "access.admin_password", \.access.adminPassword, .optional(.word), aliases: ["BERTH_ADMIN_PASSWORD"],
      reload: .restart, isSecret: true,
      help: "Password of the first account, `admin`, when it is made. When absent one is made up and printed once."),
    .init(
      "access.admin_password_file", \.access.adminPasswordFile, .optional(.path),
      aliases: ["BERTH_ADMIN_PASSWORD_FILE"], reload: .restart, help: "File that holds it and nothing else."),
    .init(
      "access.service", \.access.service, .optional(.word), reload: .restart,
      help: "Whom tokens are for, CI jobs' too. When absent: the host of `http.public_url`, or `berth`."),
    .init(
      "access.token_lifetime", \.access.tokenLifetime, .duration(.seconds(60)...(.seconds(3600))),
      help:
        "How long a token of the token endpoint lasts. What its holder may is looked up at each request all the same."),
    .init(
      "access.refresh_lifetime", \.access.refreshLifetime, .duration(.seconds(3600)...(.seconds(365 * 86_400))),
      help: "How long a client may renew a login without the password."),
    .init(
      "access.session_lifetime", \.access.sessionLifetime, .duration(.seconds(300)...(.seconds(30 * 86_400))),
      help: "How long a browser stays logged in."),
    .init(
      "access.longest_token", \.access.longestToken, .optional(.duration(.seconds(3600)...(.seconds(3650 * 86_400)))),
      help:
        "The longest that a personal or robot token may last, and does unless asked. When absent: until it is revoked."),
    .init(
      "access.clock_skew", \.access.clockSkew, .duration(.zero...(.seconds(300))),
      help: "How far the clocks of issuers may be apart from ours."),
    .init(
      "access.job_issuers", \.access.jobIssuers, .list(of: .issuer),
      help: "Issuers whose tokens namespaces may trust, so that CI jobs need no stored secret."),
    .init(
      "access.sign_on", \.access.signOn, .list(of: .signOn), help: "OpenID providers that people sign on with."),
    .init(
      "access.account_rate", \.access.accountRate, .limit(.integer(1...1_000_000)),
      help: "Requests a second of one account; more are answered with 429. Ten seconds' worth may come at once."),
    .init(
      "access.address_rate", \.access.addressRate, .limit(.integer(1...1_000_000)),
      help: "The same for one address: an IPv4 address, or 64 bits of an IPv6 one."),
    .init(
      "access.audit_retention", \.access.auditRetention, .list(of: .recordRetention),
      help: "How long records of a kind, or of a family of kinds (`token.*=365d`), are kept; all others for ever."),
  ]

  private static let limits: [SettingDefinition] = [
    .init(
      "limits.connections", \.limits.connections, .integer(1...1_000_000),
      help: "Connections that may be open at once; more wait in the system's queue."),
    .init(
      "limits.header_bytes", \.limits.headerBytes, .byteSize(4096...1_048_576),
      help: "Size of a request's line and headers together; more is answered with 431."),
    .init(
      "limits.manifest_bytes", \.limits.manifestBytes, .byteSize(65_536...4_194_304),
      help: "Size of a manifest; more is answered with 413. The specification asks registries for 4 MiB."),
    .init(
      "limits.blob_bytes", \.limits.blobBytes, .limit(.byteSize(1...Int.max)),
      help: "Size of a blob; more is answered with 413."),
    .init(
      "limits.header_timeout", \.limits.headerTimeout, .duration(.seconds(1)...(.seconds(3600))),
      help: "Time from the first byte of a request to the end of its headers."),
    .init(
      "limits.idle_timeout", \.limits.idleTimeout, .duration(.seconds(1)...(.seconds(3600))),
      help: "Time that a connection without a request is kept open."),
    .init(
      "limits.body_stall_timeout", \.limits.bodyStallTimeout, .duration(.seconds(1)...(.seconds(3600))),
      help: "Time that a body, in or out, may make no progress at all."),
    .init(
      "limits.minimum_rate_bytes", \.limits.minimumRateBytes, .limit(.byteSize(1...1_073_741_824)),
      help: "Bytes a second that a body must reach on average over the window; slower ones are closed."),
    .init(
      "limits.minimum_rate_window", \.limits.minimumRateWindow, .duration(.seconds(1)...(.seconds(3600))),
      help: "The window of `limits.minimum_rate_bytes`."),
    .init(
      "limits.upload_sessions", \.limits.uploadSessions, .integer(1...10_000_000),
      help: "Uploads that may be open at once; more are answered with 429."),
    .init(
      "limits.shutdown_grace", \.limits.shutdownGrace, .duration(.zero...(.seconds(3600))),
      help: "Time that requests under way may take to finish once the server is told to stop."),
    .init(
      "limits.drain_delay", \.limits.drainDelay, .duration(.zero...(.seconds(3600))),
      help: "Time from `/readyz` turning red to the end of listening, so that a balancer can take it out."),
  ]

  private static let uploads: [SettingDefinition] = [
    .init(
      "uploads.expire_after", \.uploads.expireAfter, .duration(.seconds(1)...(.seconds(365 * 86_400))),
      help: "Time after which an upload that nobody continued is removed."),
    .init(
      "uploads.chunk_minimum_bytes", \.uploads.chunkMinimumBytes, .limit(.byteSize(1...1_073_741_824)),
      help: "Smallest chunk that clients are asked to send, as `OCI-Chunk-Min-Length`."),
  ]

  private static let collection: [SettingDefinition] = [
    .init("collection.enabled", \.collection.enabled, .boolean, help: "Collect in the background."),
    .init(
      "collection.interval", \.collection.interval, .duration(.seconds(1)...(.seconds(7 * 86_400))),
      help: "Pause between two rounds."),
    .init(
      "collection.lease", \.collection.lease, .duration(.seconds(1)...(.seconds(365 * 86_400))),
      help: "Time that a pushed blob is kept for the manifest that will refer to it."),
    .init(
      "collection.delete_untagged", \.collection.deleteUntagged, .boolean,
      help:
        "Also remove manifests that no tag, index or subject keeps, nor the history of a tag (30 days; docs/versions.md)."
    ),
    .init(
      "collection.untagged_after", \.collection.untaggedAfter, .duration(.zero...(.seconds(3650 * 86_400))),
      help: "Time that such a manifest stays before it is removed."),
    .init(
      "collection.pace", \.collection.pace, .limit(.integer(1...1_000_000)),
      help: "Blobs removed a second at most."),
  ]

  private static let integrity: [SettingDefinition] = [
    .init(
      "integrity.scrub_enabled", \.integrity.scrubEnabled, .boolean,
      help: "Read stored blobs in the background and compare them with their digests."),
    .init(
      "integrity.scrub_rate_bytes", \.integrity.scrubRateBytes, .limit(.byteSize(4096...1_099_511_627_776)),
      help: "Bytes read a second at most."),
    .init(
      "integrity.scrub_interval", \.integrity.scrubInterval, .duration(.seconds(60)...(.seconds(3650 * 86_400))),
      help: "Time from the start of one round over all blobs to the start of the next."),
  ]

  private static let manifests: [SettingDefinition] = [
    .init(
      "manifests.accept_sparse_indexes", \.manifests.acceptSparseIndexes, .boolean,
      help: "Accept an index when some of its manifests are not in the repository.")
  ]

  private static let cache: [SettingDefinition] = [
    .init(
      "cache.manifest_bytes", \.cache.manifestBytes, .byteSize(0...68_719_476_736), reload: .restart,
      help: "Memory for manifests; 0 keeps none."),
    .init(
      "cache.blob_bytes", \.cache.blobBytes, .byteSize(0...68_719_476_736), reload: .restart,
      help: "Memory for small blobs; 0 keeps none."),
    .init(
      "cache.descriptors", \.cache.descriptors, .integer(0...1_000_000), reload: .restart,
      help: "Blob files that are kept open; 0 keeps none."),
    .init(
      "cache.disk_directory", \.cache.diskDirectory, .optional(.path), reload: .restart,
      help: "Keeps blobs of the object store that are pulled as files here. When absent: none are kept."),
    .init(
      "cache.disk_bytes", \.cache.diskBytes, .byteSize(65_536...1_125_899_906_842_624), reload: .restart,
      help: "The most that `cache.disk_directory` may hold."),
  ]

  private static let logging: [SettingDefinition] = [
    .init(
      "logging.format", \.logging.format, .choice(), reload: .restart,
      help: "`auto` is text at a terminal and JSON otherwise."),
    .init("logging.level", \.logging.level, .choice(), help: "The least severe message that is written."),
    .init("logging.requests", \.logging.requests, .boolean, help: "Write one line for each request."),
  ]

  private static let workers: [SettingDefinition] = [
    .init(
      "workers.threads", \.workers.threads, .automatic(.integer(1...1024)), reload: .restart,
      help: "Threads for work that blocks; `auto` fits the machine.")
  ]
}
