import Glibc
import Ground
import NIOHTTP1
import Synchronization

/// What `/metrics` says of requests. Names as users of Distribution know them, where they exist there.
final class RequestFigures: Sendable {
  private let metrics: Metrics
  /// By route, method and status, packed into one number.
  private let requests = Mutex<[Int: Counter]>([:])
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
          labels: "handler=\"\(route.name)\"")
        return (route, histogram)
      })
    received = metrics.counter("registry_http_request_size_bytes_total", "Bytes of bodies that were received.")
    sent = metrics.counter("registry_http_response_size_bytes_total", "Bytes of bodies that were sent.")
    cutShort = metrics.counter(
      "registry_http_requests_cut_short_total", "Requests whose client went away or stalled before the end.")
  }

  func count(_ record: RequestRecord) {
    let route = record.route
    let method = record.request.map { MethodClass($0.method) } ?? .other
    let key = (route.rawValue << 16) | (method.rawValue << 12) | record.status
    let counter = requests.withLock { requests in
      if let known = requests[key] { return known }
      let labels = "code=\"\(record.status)\",handler=\"\(route.name)\",method=\"\(method)\""
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
}

/// A bounded set, since the method is the client's text.
enum MethodClass: Int {
  case get, head, put, post, patch, delete, other

  init(_ method: HTTPMethod) {
    switch method {
    case .GET: self = .get
    case .HEAD: self = .head
    case .PUT: self = .put
    case .POST: self = .post
    case .PATCH: self = .patch
    case .DELETE: self = .delete
    default: self = .other
    }
  }
}

/// The family of a path, for figures and log lines: never the client's own text.
enum Route: Int, Sendable, CaseIterable {
  case base, catalog, manifest, blob, upload, tags, referrers, health, metrics, other

  /// Every log line has it; an interpolated case is looked up by reflection.
  var name: String {
    switch self {
    case .base: "base"
    case .catalog: "catalog"
    case .manifest: "manifest"
    case .blob: "blob"
    case .upload: "upload"
    case .tags: "tags"
    case .referrers: "referrers"
    case .health: "health"
    case .metrics: "metrics"
    case .other: "other"
    }
  }

  init(path: String) {
    var path = path
    self = path.withUTF8 { Route(utf8: $0) }
  }

  private init(utf8 path: UnsafeBufferPointer<UInt8>) {
    // By hand, because the standard library's search is generic and was a fifth of a small request.
    func contains(_ part: StaticString) -> Bool {
      let count = part.utf8CodeUnitCount
      guard path.count >= count, let base = path.baseAddress else { return false }
      for start in 0...(path.count - count) where path[start] == 0x2F {
        if memcmp(base + start, part.utf8Start, count) == 0 { return true }
      }
      return false
    }
    guard path.count >= 3, path[0] == 0x2F, path[1] == 0x76, path[2] == 0x32 else {
      self = contains("/metrics") ? .metrics : path.count <= 8 && path.last == 0x7A ? .health : .other
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
    } else {
      self = contains("/_catalog") ? .catalog : .other
    }
  }
}
