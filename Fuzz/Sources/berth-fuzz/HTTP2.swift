import Glibc
import HTTPService
import NIOCore
import NIOPosix
import NIOSSL
import TestSupport

/// Frames of HTTP/2 to a registry in this process, behind TLS. Whatever was sent, the next connection is answered, and one on
/// which nothing sensible comes is ended.
func fuzzHTTP2(seconds: Int, seed: UInt64, witness: Witness) async throws -> Int {
  var settings = HTTPServiceSettings()
  settings.limits.headerTimeout = .milliseconds(500)
  settings.limits.idleTimeout = .milliseconds(500)
  settings.limits.bodyStallTimeout = .milliseconds(500)
  let folder = try temporaryDirectory()
  let certificate = try await selfSigned(in: folder)
  let server = try await TestRegistry.start(http: settings, certificate: certificate)
  let client = try HTTP2Client(host: server.host, port: server.port)
  var frames = HTTP2Frames(seed: seed)
  let clock = ContinuousClock()
  let end = clock.now + .seconds(seconds)
  var rounds = 0
  while clock.now < end {
    let bytes = frames.next()
    witness.keep(bytes)
    // To wait for the end takes as long as the limits above allow.
    _ = try? await client.exchange(bytes, untilClosed: rounds % 100 == 99)
    rounds += 1
    if rounds % 50 == 0 {
      let answer = try await client.exchange(HTTP2Frames.soundRequest, untilClosed: true)
      precondition(HTTP2Frames.types(answer).contains(1), "no headers in answer to a sound request")
    }
  }
  try await server.stop()
  try removeTree(folder)
  return rounds
}

private func selfSigned(in folder: String) async throws -> TestRegistry.Certificate {
  let certificate = TestRegistry.Certificate(certificatePath: folder + "/server.crt", keyPath: folder + "/server.key")
  try await ServerProgram.run(
    "/usr/bin/openssl",
    [
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
      "/CN=localhost", "-keyout", certificate.keyPath, "-out", certificate.certificatePath,
    ])
  return certificate
}

/// Sends bytes over TLS that has negotiated `h2`.
private struct HTTP2Client {
  private let host: String
  private let port: Int
  private let context: NIOSSLContext

  init(host: String, port: Int) throws {
    self.host = host
    self.port = port
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.certificateVerification = .none
    configuration.applicationProtocols = ["h2"]
    context = try NIOSSLContext(configuration: configuration)
  }

  /// - Parameter untilClosed: waits for the server to end the connection; else goes away with its first bytes.
  /// - Returns: what the server has sent.
  func exchange(_ bytes: [UInt8], untilClosed: Bool) async throws -> [UInt8] {
    let context = context
    let connection = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connect(host: host, port: port) { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: context, serverHostname: nil))
          return try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
        }
      }
    return try await connection.executeThenClose { inbound, outbound in
      try await outbound.write(ByteBuffer(bytes: bytes))
      var received: [UInt8] = []
      for try await chunk in inbound {
        received += chunk.readableBytesView
        if !untilClosed { break }
      }
      return received
    }
  }
}

/// Makes connections of frames, the same ones for the same seed.
private struct HTTP2Frames {
  private var payloads: Mutator

  init(seed: UInt64) { payloads = Mutator(seed: seed, bytes: Seeds.http2Payloads) }

  private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

  /// `GET /v2/`, and a farewell, so that the server ends the connection after its answer.
  static let soundRequest =
    preface + frame(4, 0, 0, []) + frame(1, 5, 1, Seeds.http2Headers)
    + frame(7, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0])

  mutating func next() -> [UInt8] {
    var bytes = number(20) == 0 ? [] : Self.preface
    if number(8) > 0 { bytes += Self.frame(4, 0, 0, []) }
    for _ in 0...number(8) {
      if number(4) == 0 {
        // Headers that begin a stream with a body, so that what follows meets one.
        bytes += Self.frame(1, 4, 1 + 2 * UInt32(number(3)), Seeds.http2Upload)
      } else {
        bytes += Self.frame(UInt8(number(12)), flags(), UInt32(number(8)), Array(payloads.next().prefix(20_000)))
      }
    }
    // Frames whose length is a lie.
    if number(3) == 0 { bytes += payloads.next() }
    return bytes
  }

  private mutating func flags() -> UInt8 {
    number(2) == 0 ? [0, 1, 4, 5, 8, 13, 32, 37][number(8)] : UInt8(truncatingIfNeeded: payloads.chance())
  }

  private mutating func number(_ end: Int) -> Int { Int(payloads.chance() % UInt64(end)) }

  /// RFC 9113, section 4.1.
  private static func frame(_ type: UInt8, _ flags: UInt8, _ stream: UInt32, _ payload: [UInt8]) -> [UInt8] {
    let length = withUnsafeBytes(of: UInt32(payload.count).bigEndian) { Array($0.dropFirst()) }
    return length + [type, flags] + withUnsafeBytes(of: stream.bigEndian) { Array($0) } + payload
  }

  /// The types of the frames in what a server sent.
  static func types(_ bytes: [UInt8]) -> [UInt8] {
    var found: [UInt8] = []
    var position = 0
    while position + 9 <= bytes.count {
      let length = bytes[position..<position + 3].reduce(0) { $0 << 8 | Int($1) }
      found.append(bytes[position + 3])
      position += 9 + length
    }
    return found
  }
}
