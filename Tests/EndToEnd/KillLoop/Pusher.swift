import Foundation

/// Pushes small images, one after another, at a server that comes and goes.
///
/// Every image has a configuration and a layer of its own and one layer that many images share, so that pushes,
/// deletions and collection meet. The shared layer is asked for by HEAD first and sent only when it is not there, as
/// clients do.
final class Pusher {
  private let number: Int
  private let addresses: [Address]
  private let toleratesUnavailable: Bool
  private let ledger: Ledger
  private let sharedLayers: [[UInt8]]
  private let stop: StopSign
  private var connection: HTTPConnection?
  private var count = 0

  /// - Parameters:
  ///   - addresses: of replicas; it goes from one to the next, as behind a balancer.
  ///   - toleratesUnavailable: whether 503 is an answer that may come: a part is away.
  init(
    _ number: Int, _ addresses: [Address], _ ledger: Ledger, sharedLayers: [[UInt8]], stop: StopSign,
    toleratesUnavailable: Bool = false
  ) {
    self.number = number
    self.addresses = addresses
    self.toleratesUnavailable = toleratesUnavailable
    self.ledger = ledger
    self.sharedLayers = sharedLayers
    self.stop = stop
  }

  /// Works until the stop sign is up. A broken connection is the point of the test: it connects again and goes on.
  func run() {
    while !stop.isUp {
      do {
        if addresses.count > 1 && count % 3 == 0 { connection = nil }
        let connection = try connection ?? HTTPConnection(addresses[Int.random(in: addresses.indices)])
        self.connection = connection
        try pushOne(connection)
        if count % 4 == 0 { try deleteOne(connection) }
      } catch {
        connection = nil
      }
      // Not for the server's sake: so that what is checked afterwards stays a few thousand images.
      usleep(8000)
    }
  }

  private func pushOne(_ connection: HTTPConnection) throws {
    count += 1
    let repository = "crash/r\(Int.random(in: 0..<8))"
    let unique = "\(number)-\(count)-\(UInt64.random(in: 0...UInt64.max))"
    let config = Array(
      #"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]},"id":"\#(unique)"}"#.utf8)
    // Below and above 64 KiB, where storage may take another path.
    let layer =
      Array("\(unique)\n".utf8) + [UInt8](repeating: UInt8(count % 251), count: count % 8 == 0 ? 100_000 : 2_000)
    let shared = sharedLayers[Int.random(in: sharedLayers.indices)]
    for blob in [config, layer] where try !pushBlob(connection, blob, to: repository) { return }
    let known = try connection.request("HEAD", "/v2/\(repository)/blobs/\(sha256(shared))")
    if known.status != 200, try !pushBlob(connection, shared, to: repository) { return }

    let manifest = try ImageManifest(
      mediaType: MediaTypes.manifest, config: ManifestDescriptor(MediaTypes.config, config),
      layers: [ManifestDescriptor(MediaTypes.layerGzip, layer), ManifestDescriptor(MediaTypes.layerGzip, shared)]
    ).encoded()
    let entry = Ledger.Entry(repository: repository, tag: "t\(number)-\(count)", digest: sha256(manifest))
    let answer = try connection.request(
      "PUT", "/v2/\(repository)/manifests/\(entry.tag)", headers: [("Content-Type", MediaTypes.manifest)],
      body: manifest)
    // 404 is right when the lease of a blob ran out while the server was away; then the push is not acknowledged.
    if answer.status == 201 { ledger.acknowledge(entry) } else { judge(answer, "manifest") }
  }

  /// - Returns: whether the server acknowledged the blob.
  private func pushBlob(_ connection: HTTPConnection, _ bytes: [UInt8], to repository: String) throws -> Bool {
    let digest = sha256(bytes)
    let type = ("Content-Type", "application/octet-stream")
    let started = try connection.request("POST", "/v2/\(repository)/blobs/uploads/", body: [])
    guard started.status == 202, let location = started.headers["location"] else {
      judge(started, "upload")
      return false
    }
    let separator = location.contains("?") ? "&" : "?"
    let done = try connection.request("PUT", "\(location)\(separator)digest=\(digest)", headers: [type], body: bytes)
    guard done.status == 201 else {
      judge(done, "blob")
      return false
    }
    return true
  }

  private func deleteOne(_ connection: HTTPConnection) throws {
    guard let entry = ledger.takeForDeletion() else { return }
    let answer = try connection.request("DELETE", "/v2/\(entry.repository)/manifests/\(entry.digest)")
    if answer.status == 202 { ledger.deleted(entry) } else { judge(answer, "delete", of: entry) }
  }

  private func judge(_ answer: HTTPAnswer, _ step: String, of entry: Ledger.Entry? = nil) {
    // A deletion that finds nothing means that an acknowledged image is lost.
    guard answer.status >= 500 || entry != nil else { return }
    if toleratesUnavailable && answer.status == 503 { return }
    ledger.complain("\(step) \(entry.map { "\($0)" } ?? ""): \(answer.status) \(answer.text)")
  }
}
