import Glibc
import NIOCore

/// An address cannot be listened on: which one, and why, in the system's words.
public struct ListenFailure: Error, CustomStringConvertible {
  public let address: HTTPServer.Address
  let cause: any Error

  public var description: String {
    guard let error = cause as? IOError else { return "cannot listen on \(address): \(cause)" }
    return "cannot listen on \(address): \(String(cString: strerror(error.errnoCode)))"
  }
}
