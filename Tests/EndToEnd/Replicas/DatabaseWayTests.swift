import Foundation
import TestSupport
import Testing

extension EndToEnd {
  /// What lies between replicas and PostgreSQL: a pooler, encryption, a password.
  @Suite struct DatabaseWayTests {
    @Test("replicas push, pull and collect through PgBouncer in transaction mode")
    func pooler() async throws {
      let direct = try await PostgresServer.shared().freshDatabase()
      let pooler = try await PoolerServer.start(before: try await PostgresServer.shared())
      let bucket = try await ObjectStoreServer.shared().freshBucket()
      try await EndToEnd.withReplicaProcesses(
        2, database: pooler.url(direct), bucket: bucket,
        configuration: ServerSettings.eagerCollection + ServerSettings.pooled
      ) { replicas in
        try await EndToEnd.pushingThroughAll(through: replicas, toleratesUnavailable: false) {
          try await Task.sleep(for: .seconds(3))
        }
      }
      try await pooler.stop()
    }

    @Test("the database's certificate is verified, and the password comes from a file or the environment")
    func encryption() async throws {
      let workspace = try Workspace()
      let authority = try await CertificateAuthority("database", in: workspace)
      let other = try await CertificateAuthority("stranger", in: workspace)
      let identity = (certificate: workspace.file("postgres.crt"), key: workspace.file("postgres.key"))
      try await authority.issue(certificate: identity.certificate, key: identity.key)
      let postgres = try await PostgresServer.start(
        .init(identity: .init(certificatePath: identity.certificate, keyPath: identity.key)))
      let name = try #require(try await postgres.freshDatabase().split(separator: "/").last)
      func url(_ host: String, _ certificate: String) -> String {
        "postgres://berth_secret@\(host):\(postgres.port)/\(name)?hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert=\(certificate)"
      }
      let secret = try workspace.write("secret\n", to: "password")
      let byFile = try workspace.write(ServerSettings.databasePassword(file: secret), to: "berth.yaml")
      let wrong = try workspace.write("not-the-password\n", to: "wrong")
      let byWrongFile = try workspace.write(ServerSettings.databasePassword(file: wrong), to: "wrong.yaml")
      let good = url("localhost", authority.certificate)

      for (number, way) in [(byFile, [:]), (nil, ["PGPASSWORD": "secret"])].enumerated() {
        let server = try ServerProcess(
          dataDirectory: workspace.file("data"), configuration: way.0, parts: ["--database", good], environment: way.1)
        try await server.start()
        let bytes = randomBytes(100 + number)
        let address = server.address
        let status = try await onOwnThread {
          try HTTPConnection(address).request(
            "POST", "/v2/acme/a/blobs/uploads/?digest=\(sha256(bytes))", body: bytes
          ).status
        }
        #expect(status == 201)
        let encrypted = try await postgres.sql(
          "SELECT bool_and(s.ssl) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.usename = 'berth_secret'"
        )
        #expect(encrypted == "t")
        try await server.stop()
      }

      let refusals: [(String, String?, [String: String], String)] = [
        (url("localhost", other.certificate), byFile, [:], "certificate verify failed"),
        (url("database.example", authority.certificate), byFile, [:], "does not match host name"),
        (good, byWrongFile, [:], "password authentication failed"),
        (good, nil, ["PGPASSWORD": "not-the-password"], "password authentication failed"),
      ]
      for (url, file, environment, words) in refusals {
        let outcome = try await ServerProcess(
          dataDirectory: workspace.file("data"), configuration: file, parts: ["--database", url],
          environment: environment.merging(["BERTH_DATABASE_PATIENCE": "0s"]) { $1 }
        ).runToEnd()
        #expect(!outcome.succeeded)
        #expect(outcome.story.contains(words), "\(outcome.story)")
        #expect(!outcome.errors.contains("not-the-password"))
      }
      try await postgres.stop()
      workspace.remove()
    }
  }
}
