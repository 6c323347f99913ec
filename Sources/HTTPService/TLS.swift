import Ground
public import Logging
import NIOCore
import NIOSSL
import Synchronization

/// The server's certificate, read again when its files change.
public final class TLSIdentity: Sendable {
  public enum MinimumVersion: Sendable { case tls12, tls13 }

  private let certificatePath: String
  private let keyPath: String
  private let clientCAPath: String?
  private let minimumVersion: MinimumVersion
  private let offersHTTP2: Bool
  private let logger: Logger
  private let current: Mutex<(context: NIOSSLContext, fingerprint: [Int64])>

  /// - Parameter clientCAPath: the authority of client certificates; nil asks for none.
  /// - Throws: when the files cannot be read, or do not belong together.
  public init(
    certificatePath: String, keyPath: String, clientCAPath: String? = nil, minimumVersion: MinimumVersion,
    offersHTTP2: Bool, logger: Logger
  ) throws {
    self.certificatePath = certificatePath
    self.keyPath = keyPath
    self.clientCAPath = clientCAPath
    self.minimumVersion = minimumVersion
    self.offersHTTP2 = offersHTTP2
    self.logger = logger
    let fingerprint = Self.fingerprint(certificatePath, keyPath, clientCAPath)
    let context = try Self.load(certificatePath, keyPath, clientCAPath, minimumVersion, offersHTTP2)
    current = Mutex((context, fingerprint))
  }

  private static func fingerprint(_ certificate: String, _ key: String, _ clientCA: String?) -> [Int64] {
    fileFingerprint(certificate) + fileFingerprint(key) + (clientCA.map { fileFingerprint($0) } ?? [])
  }

  private static func load(
    _ certificatePath: String, _ keyPath: String, _ clientCAPath: String?, _ minimum: MinimumVersion,
    _ offersHTTP2: Bool
  ) throws -> NIOSSLContext {
    let chain = try NIOSSLCertificate.fromPEMFile(certificatePath).map { NIOSSLCertificateSource.certificate($0) }
    let key = try NIOSSLPrivateKey(file: keyPath, format: .pem)
    var configuration = TLSConfiguration.makeServerConfiguration(certificateChain: chain, privateKey: .privateKey(key))
    configuration.minimumTLSVersion = minimum == .tls12 ? .tlsv12 : .tlsv13
    configuration.applicationProtocols = offersHTTP2 ? ["h2", "http/1.1"] : ["http/1.1"]
    if let clientCAPath {
      // Who has none goes on without; one that our authority has not signed ends the handshake.
      configuration.certificateVerification = .optionalVerification
      configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(clientCAPath))
    }
    return try NIOSSLContext(configuration: configuration)
  }

  var context: NIOSSLContext { current.withLock { $0.context } }

  /// Reads the files again when they changed; connections that are open keep what they have. What cannot be used is logged,
  /// and the old certificate stays.
  public func reloadIfChanged() {
    let fingerprint = Self.fingerprint(certificatePath, keyPath, clientCAPath)
    guard current.withLock({ $0.fingerprint != fingerprint }) else { return }
    do {
      let context = try Self.load(certificatePath, keyPath, clientCAPath, minimumVersion, offersHTTP2)
      current.withLock { $0 = (context, fingerprint) }
      logger.info("certificate was read again", metadata: ["file": "\(certificatePath)"])
    } catch {
      logger.warning(
        "new certificate cannot be used, the old one stays",
        metadata: ["file": "\(certificatePath)", "cause": "\(error)"])
    }
  }
}
