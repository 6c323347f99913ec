import AsyncHTTPClient
import Glibc
import NIOCore
import NIOPosix

extension HTTPClient.Configuration {
  /// Tells at once that nobody listens, and does not try again until the time is over.
  static func askingOnce() -> HTTPClient.Configuration {
    var configuration = HTTPClient.Configuration()
    configuration.timeout.connect = .seconds(10)
    configuration.connectionPool.retryConnectionEstablishment = false
    return configuration
  }
}

/// Why a server could not be asked, in words.
func reason(of error: any Error) -> String {
  switch error {
  case let error as NIOConnectionError:
    guard let first = error.connectionErrors.first else { return "its name is not known" }
    return reason(of: first.error)
  case let error as IOError: return String(cString: strerror(error.errnoCode))
  default: return "\(error)"
  }
}
