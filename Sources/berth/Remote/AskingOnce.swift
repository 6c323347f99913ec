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

extension HTTPClient {
  /// For commands. As long as the process: it is never shut down.
  static let askingOnce = HTTPClient(eventLoopGroupProvider: .singleton, configuration: .askingOnce())

  /// For what must reach nobody but who was asked, such as a secret in a body. As long as the process: it is never shut down.
  static let followingNobody: HTTPClient = {
    var configuration = HTTPClient.Configuration.askingOnce()
    configuration.redirectConfiguration = .disallow
    return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }()
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
