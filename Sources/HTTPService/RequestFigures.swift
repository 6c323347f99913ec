import Ground
import NIOHTTP1
import Synchronization

/// What `/metrics` says of requests. Names as users of Distribution know them, where they exist there.
final class RequestFigures: Sendable {
  private struct Key: Hashable {
    let route: Route
    let method: String
    let status: Int
  }

  private let metrics: Metrics
  private let requests = Mutex<[Key: Counter]>([:])
  private let durations: [Route: Histogram]
  private let received: Counter
  private let sent: Counter
  private let cutShort: Counter

  init(_ metrics: Metrics) {
    self.metrics = metrics
    durations = Dictionary(
      uniqueKeysWithValues: Route.allCases.map { route in
        let histogram = metrics.histogram(
          "registry_http_request_duration_seconds", "Time from a request's head to the end of its answer.",
          labels: "handler=\"\(route.rawValue)\"")
        return (route, histogram)
      })
    received = metrics.counter("registry_http_request_size_bytes_total", "Bytes of bodies that were received.")
    sent = metrics.counter("registry_http_response_size_bytes_total", "Bytes of bodies that were sent.")
    cutShort = metrics.counter(
      "registry_http_requests_cut_short_total", "Requests whose client went away or stalled before the end.")
  }

  func count(_ record: RequestRecord) {
    let route = record.request.map { Route(path: $0.path) } ?? .other
    let method = record.request.map { Self.name($0.method) } ?? "none"
    let key = Key(route: route, method: method, status: record.status)
    let counter = requests.withLock { requests in
      if let known = requests[key] { return known }
      let labels = "code=\"\(key.status)\",handler=\"\(route.rawValue)\",method=\"\(method)\""
      let made = metrics.counter("registry_http_requests_total", "Requests that were answered.", labels: labels)
      requests[key] = made
      return made
    }
    counter.increment()
    durations[route]?.record(nanoseconds: record.nanoseconds)
    if record.bytesIn > 0 { received.increment(by: Int(record.bytesIn)) }
    if record.bytesOut > 0 { sent.increment(by: Int(record.bytesOut)) }
    if record.wasCutShort { cutShort.increment() }
  }

  /// A bounded set, since the method is the client's text.
  private static func name(_ method: HTTPMethod) -> String {
    switch method {
    case .GET: "get"
    case .HEAD: "head"
    case .PUT: "put"
    case .POST: "post"
    case .PATCH: "patch"
    case .DELETE: "delete"
    default: "other"
    }
  }
}

/// The family of a path, for figures and log lines: never the client's own text.
enum Route: String, Sendable, CaseIterable {
  case base, catalog, manifest, blob, upload, tags, referrers, health, metrics, other

  init(path: String) {
    let path = path.utf8
    func contains(_ part: StaticString) -> Bool {
      part.withUTF8Buffer { part in path.firstRange(of: part) != nil }
    }
    guard path.starts(with: "/v2".utf8) else {
      self = path.elementsEqual("/metrics".utf8) ? .metrics : path.count <= 8 && path.last == 0x7A ? .health : .other
      return
    }
    if path.count <= 4 {
      self = .base
    } else if contains("/manifests/") {
      self = .manifest
    } else if contains("/blobs/uploads") {
      self = .upload
    } else if contains("/blobs/") {
      self = .blob
    } else if contains("/tags/list") {
      self = .tags
    } else if contains("/referrers/") {
      self = .referrers
    } else if contains("/_catalog") {
      self = .catalog
    } else {
      self = .other
    }
  }
}
