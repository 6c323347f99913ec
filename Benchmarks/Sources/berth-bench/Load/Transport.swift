import COpenSSL
import Glibc

/// A blocking connection, plain or encrypted. Belongs to one thread.
final class Transport {
  private let descriptor: Int32
  private let session: OpaquePointer?

  init(port: UInt16, tls: Bool, receiveBuffer: Int32? = nil) throws {
    descriptor = try connectSocket(port: port, receiveBuffer: receiveBuffer)
    guard tls else {
      session = nil
      return
    }
    session = SSL_new(TLSContext.shared.pointer)
    SSL_set_fd(session, descriptor)
    guard SSL_connect(session) == 1 else { throw BenchError("the TLS handshake failed") }
  }

  deinit {
    if let session { SSL_free(session) }
    close(descriptor)
  }

  /// Reads what is there, at least one byte. 0 at the end of the stream.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    while true {
      let count: Int
      if let session {
        count = Int(SSL_read(session, buffer.baseAddress, Int32(buffer.count)))
      } else {
        count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
        if count < 0, errno == EINTR { continue }
      }
      guard count >= 0 else { throw BenchError("receive: \(String(cString: strerror(errno)))") }
      return count
    }
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws {
    guard let session else { return try sendAll(descriptor, bytes) }
    guard SSL_write(session, bytes.baseAddress, Int32(bytes.count)) == Int32(bytes.count) else {
      throw BenchError("the TLS write failed")
    }
  }
}

/// The client's side of TLS: version 1.3 and one cipher, so that all servers encrypt alike. Certificates are not checked.
private final class TLSContext: @unchecked Sendable {
  static let shared = TLSContext()

  // Written once by `init`; OpenSSL lets threads share a context to make sessions from.
  let pointer: OpaquePointer?

  private init() {
    pointer = SSL_CTX_new(TLS_client_method())
    SSL_CTX_ctrl(pointer, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(TLS1_3_VERSION), nil)
    SSL_CTX_set_ciphersuites(pointer, "TLS_AES_128_GCM_SHA256")
  }
}
