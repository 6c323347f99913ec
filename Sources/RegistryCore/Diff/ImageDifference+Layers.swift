public import OCI

/// Layers by their digests, in the order in which they stand.
///
/// A digest that stands in one image more often than in the other is added or removed as often.
public struct LayerDifference: Sendable, Equatable {
  public struct Layer: Sendable, Equatable {
    public let digest: Digest
    public let mediaType: MediaType
    public let sizeBytes: Int64

    init(_ descriptor: Descriptor) {
      digest = descriptor.digest
      mediaType = descriptor.mediaType
      sizeBytes = descriptor.size
    }
  }

  public let added: [Layer]
  public let removed: [Layer]
  /// In the order of the new image.
  public let shared: [Layer]
  /// The shared ones stand in another order in the old image.
  public let isReordered: Bool
  /// What a node that has the old image downloads for the new one: configuration and layers that it does not have, each once.
  public let pullBytes: Int64

  public init(from: Manifest, to: Manifest) {
    (removed, _) = Self.split(from.layers, by: to.layers)
    (added, shared) = Self.split(to.layers, by: from.layers)
    let old = Self.split(from.layers, by: to.layers).shared
    isReordered = old.map(\.digest) != shared.map(\.digest)
    func parts(_ manifest: Manifest) -> [Descriptor] { (manifest.config.map { [$0] } ?? []) + manifest.layers }
    var known = Set(parts(from).map(\.digest))
    pullBytes = parts(to).reduce(0) { sum, part in
      guard known.insert(part.digest).inserted else { return sum }
      let (total, isTooMuch) = sum.addingReportingOverflow(part.size)
      return isTooMuch ? .max : total
    }
  }

  private static func split(_ layers: [Descriptor], by others: [Descriptor]) -> (own: [Layer], shared: [Layer]) {
    var left = Dictionary(others.map { ($0.digest, 1) }, uniquingKeysWith: +)
    var own: [Layer] = []
    var shared: [Layer] = []
    for layer in layers {
      if let count = left[layer.digest], count > 0 {
        left[layer.digest] = count - 1
        shared.append(Layer(layer))
      } else {
        own.append(Layer(layer))
      }
    }
    return (own, shared)
  }
}

/// Lines of the history that only one of the two has. Times do not count: who builds again the same way has the same lines.
public struct HistoryDifference: Sendable, Equatable {
  /// Beyond so many lines between the first and the last that differ, all of them are told as removed and added: the search
  /// for the fewest takes time by the square.
  public static let searchLimit = 500

  public let added: [String]
  public let removed: [String]

  /// Nothing.
  init() {
    added = []
    removed = []
  }

  public init(from: [ImageConfiguration.Step], to: [ImageConfiguration.Step]) {
    var old = from.map(\.createdBy)[...]
    var new = to.map(\.createdBy)[...]
    while let first = old.first, first == new.first {
      old.removeFirst()
      new.removeFirst()
    }
    while let last = old.last, last == new.last {
      old.removeLast()
      new.removeLast()
    }
    guard old.count <= Self.searchLimit, new.count <= Self.searchLimit else {
      removed = Array(old)
      added = Array(new)
      return
    }
    let changes = Array(new).difference(from: Array(old))
    removed = changes.removals.map(\.text)
    added = changes.insertions.map(\.text)
  }
}

extension CollectionDifference<String>.Change {
  fileprivate var text: String {
    switch self {
    case .insert(_, let element, _), .remove(_, let element, _): element
    }
  }
}
