import Access
import ArgumentParser
import OCI
import Scanning

extension AdvisoriesCommand {
  struct Key: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "key",
      abstract: "Make a pair of keys for signing bundles.",
      discussion: """
        berth advisories key advisories.pem
        The private key is for berth advisories export; advisories.pub.pem goes to who imports.
        """)
    @Argument(help: "The file of the private key.") var path: String

    func run() throws {
      try telling { try BundleKeys.generate(at: path) }
      print("Made \(path), which stays here, and \(BundleKeys.publicPath(path)) for who imports.")
    }
  }

  struct Export: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "export",
      abstract: "Write all advisories into one signed file, for a registry without internet.",
      discussion: """
        berth advisories export --key advisories.pem --to advisories.tar
        berth advisories import advisories.tar --trust advisories.pub.pem --server registry.inside.example
        """)
    @Option(help: "The private key that signs: berth advisories key makes one.") var key: String
    @Option(help: "The file to write.") var to = "advisories.tar"
    @Option(help: "Only this feed; may be repeated.") var feed: [String] = []
    @OptionGroup var remote: RemoteOptions

    func run() async throws {
      try await remote.run { server in
        try await telling {
          let pair = try BundleKeys.pair(at: key)
          let manifest = try await BundleExport(server: server, key: pair).write(feed, to: to)
          remote.showBundle(manifest)
          if remote.output == .table { print("Wrote \(to).") }
        }
      }
    }
  }

  struct Push: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "push",
      abstract: "Push a bundle into a registry, of whatever kind, as an artifact.",
      discussion: """
        berth advisories push registry.example.org/security/advisories:latest advisories.tar
        berth advisories import oci://registry.example.org/security/advisories:latest --trust advisories.pub.pem
        Who may push there is what docker, podman and berth login have stored.
        """)
    @Argument(help: "REGISTRY/REPOSITORY:TAG.") var address: String
    @Argument(help: "The file.") var bundle: String
    @Option(name: [.long, .short], help: "table for people, json for programs.") var output = OutputForm.table

    func run() async throws {
      try await telling {
        let address = try ArtifactAddress(named: address)
        let digest = try await BundleArtifact(client: try RegistryClient(address)).push(bundle)
        let answer: JSONValue = ["address": .string(address.description), "digest": .string(digest.description)]
        print(output == .table ? "Pushed \(address.description), \(digest)." : answer.text)
      }
    }
  }

  struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "verify",
      abstract: "Check a bundle, and show what it has, without a server.")
    @Argument(help: "A file, or oci://REGISTRY/REPOSITORY:TAG.") var bundle: String
    @Option(help: "A file with the public key that signed it; any of several.") var trust: [String]
    @Option(name: [.long, .short], help: "table for people, json for programs.") var output = OutputForm.table

    func validate() throws {
      guard !trust.isEmpty else { throw ValidationError("name the public keys that are trusted: --trust FILE") }
    }

    func run() async throws {
      try await telling {
        let keys = try BundleKeys.trusted(trust)
        let manifest = try await BundleSource.with(bundle) { try AdvisoryBundle.open($0, named: bundle, keys).manifest }
        var options = RemoteOptions()
        options.output = output
        options.showBundle(manifest)
      }
    }
  }
}

extension RemoteOptions {
  /// What a bundle has.
  func showBundle(_ manifest: BundleManifest) {
    let feeds = manifest.feeds.map { feed -> JSONValue in
      [
        "name": .string(feed.name), "kind": .string(feed.kind.rawValue), "records": .integer(Int64(feed.recordCount)),
        "refreshedAt": .string(feed.refreshedAt), "size": .integer(feed.sizeBytes),
        "digest": .string(feed.digest.description),
      ]
    }
    show(
      feeds,
      [
        ("feed", "name"), ("kind", "kind"), ("records", "records"), ("refreshed", "refreshedAt"), ("bytes", "size"),
        ("digest", "digest"),
      ])
  }

  /// How the feeds of a bundle went.
  ///
  /// - Throws: when one was refused.
  func show(_ outcomes: [BundleImport.Outcome]) throws {
    let rows = outcomes.map { outcome -> JSONValue in
      var row: JSONObject = [
        "feed": .string(outcome.feed.name), "refreshedAt": .string(outcome.feed.refreshedAt),
        "refusal": outcome.refusal.map { .string($0) } ?? .null,
      ]
      for member in outcome.report.object?.members ?? [] { row.append(member.key, member.value) }
      return .object(row)
    }
    show(
      rows,
      [
        ("feed", "feed"), ("records", "records"), ("changed", "changed"), ("gone", "removed"),
        ("newly affected", "findingsNew"), ("not any more", "findingsGone"), ("of", "refreshedAt"),
      ])
    let refused = outcomes.filter { $0.refusal != nil }
    for outcome in refused { standardError("berth: \(outcome.feed.name): \(outcome.refusal ?? "")") }
    guard refused.isEmpty else { throw ExitCode.failure }
  }
}

/// Tells what is wrong with a bundle or a key in one line.
func telling(_ body: () throws -> Void) throws {
  do { try body() } catch { throw try told(error) }
}

/// As ``telling(_:)-(()->Void)``, for what waits.
func telling(_ body: () async throws -> Void) async throws {
  do { try await body() } catch { throw try told(error) }
}

private func told(_ error: any Error) throws -> ExitCode {
  switch error {
  case let error as RegistryClient.Failure:
    standardError("berth: \(error)")
    return error.exitCode
  case let error as BundleFailure:
    standardError("berth: \(error)")
    return error.exitCode
  case is BundleError, is CredentialFile.Unusable,
    is SigningPair.Unusable, is RecordFiles.Failure, is TemporaryFolder.Failure:
    standardError("berth: \(error)")
    return ExitCode.failure
  default: throw error
  }
}
