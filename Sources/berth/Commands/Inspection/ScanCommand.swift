import ArgumentParser
import Glibc
import Ground
import Logging
import OCI
import RegistryCore
import Scanning
import Upkeep

struct ScanCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scan", abstract: "What is wrong with an image: of a server, or of this machine without one.",
    discussion: """
      berth scan acme/api:2.3 --fail-on high
      berth scan ./layout --advisories osv/ --fail-on critical
      podman save -o api.tar acme/api && berth scan api.tar --advisories debian.jsonl.zst

      A folder is an OCI layout, a file an archive of one or of docker save. They are read and judged here.
      An image of a server is judged by the advisories that the server has.

      \(FindingsView.exitCodes)
      """)
  @Argument(help: "An image of a server, or a folder or file with images.") var image: String
  @Option(
    parsing: .upToNextOption,
    help: "For images of this machine: files or folders with records of OSV or documents of CSAF.")
  var advisories: [String] = []
  @OptionGroup var view: FindingsView
  @OptionGroup var remote: RemoteOptions

  func run() async throws {
    var status = stat()
    guard stat(image, &status) == 0 else {
      guard let name = ImageName(argument: image) else {
        throw ValidationError("“\(image)” is neither a file, nor a folder, nor an image such as acme/api:2.3")
      }
      guard advisories.isEmpty else {
        throw ValidationError(
          "\(image) is an image of a server, which judges by its own advisories: --advisories goes with images of this machine"
        )
      }
      return try view.tell(try await remote.findings(of: name, platform: view.platform), remote)
    }
    if advisories.isEmpty { standardError("berth: without --advisories nothing can be said of what is wrong") }
    try view.tell(try await scanned(), remote)
  }

  private func scanned() async throws -> [JSONValue] {
    do {
      let directory = try TemporaryFolder()
      defer { directory.remove() }
      let scan = try await LocalScan(
        directory: directory.path, logger: Logger(label: "berth") { _ in SwiftLogNoOpLogHandler() })
      let now = SystemTime().now
      return try await scan.run(try ImageFiles(at: image), platform: view.platform, advisories: advisories).map {
        scanned in
        let members = scanned.image.members(now: now).members.map { member in
          member.key == "image" ? .init(key: "image", value: .string(scanned.name)) : member
        }
        var object = JSONObject(members)
        object.append("unjudged", scanned.unjudged.map { .string($0) } ?? .null)
        object.append("gaps", .array(scanned.gaps.map { .string($0) }))
        object.append("contents", .array(scanned.contents.packages.map(\.json)))
        object.append("notices", .array(scanned.contents.notices.map(\.json)))
        object.append("findings", .array(scanned.findings.map(\.json)))
        return .object(object)
      }
    } catch let failure as ImageFiles.Failure {
      standardError("berth: \(failure)")
      throw ExitCode.couldNotAsk
    } catch let failure as RecordFiles.Failure {
      standardError("berth: \(failure)")
      throw ExitCode.couldNotAsk
    } catch let failure as TemporaryFolder.Failure {
      standardError("berth: \(failure)")
      throw ExitCode.couldNotAsk
    } catch let failure as LocalScan.Failure {
      standardError("berth: \(failure)")
      throw ExitCode.couldNotAsk
    }
  }
}
