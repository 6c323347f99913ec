/// A registry of many repositories with fifty tags each.
struct ScaleRegistry: Sendable {
  static let tagsPerRepository = 50

  struct Place {
    let repository: String
    let tag: String
    let middleRepository: String
  }

  let tags: Int

  var repositories: Int { tags / Self.tagsPerRepository }
  var firstPage: String { "/v2/_catalog?n=10" }
  /// Other repositories' names come before these, so that the end of the list is known.
  var lastPage: String { "/v2/_catalog?n=10&last=\(repository(repositories - 11))" }

  func repository(_ number: Int) -> String {
    "scale/r" + padded(number)
  }

  func randomPlaces(_ count: Int) -> [Place] {
    var random = RandomBytes(seed: 5)
    return (0..<count).map { _ in
      let number = Int(random.next() % UInt64(tags))
      return Place(
        repository: repository(number / Self.tagsPerRepository), tag: tagName(number % Self.tagsPerRepository),
        middleRepository: repository(repositories / 2 - 1))
    }
  }

  /// Pushes one tag to each repository.
  func fillRepositories(_ server: Server) throws {
    try pushTags(server, repositories: (0..<repositories).map(repository), tagsEach: 1)
  }

  /// Pushes every tag with a manifest of its own, over one configuration and one layer.
  func fill(_ server: Server) throws {
    let names = (0..<repositories).map(repository)
    try pushTags(server, repositories: names, tagsEach: Self.tagsPerRepository)
  }
}

/// One repository with very many tags.
struct LongList: Sendable {
  let count: Int

  private static let repository = "bench/long-list"

  var all: String { "/v2/\(Self.repository)/tags/list" }
  var firstPage: String { "/v2/\(Self.repository)/tags/list?n=100" }
  var lastPage: String { "/v2/\(Self.repository)/tags/list?n=100&last=\(tagName(count - 101))" }

  func fill(_ server: Server) throws {
    try pushTags(server, repositories: [Self.repository], tagsEach: count)
  }
}

/// Numbers of one width sort as they count.
private func padded(_ number: Int) -> String {
  let digits = String(number)
  return String(repeating: "0", count: 7 - digits.count) + digits
}

private func tagName(_ number: Int) -> String {
  "t" + padded(number)
}

private func pushTags(_ server: Server, repositories: [String], tagsEach: Int) throws {
  var random = RandomBytes(seed: 6)
  let config = SmallBlob(random.bytes(600))
  let layer = SmallBlob(random.bytes(4096))
  let source = "bench/source"
  try server.publish(config, in: source)
  try server.publish(layer, in: source)

  let mounts = Counter(limit: repositories.count)
  _ = try onThreads(16) { _ in
    let client = try RegistryClient(server)
    while let number = mounts.next() {
      try client.mountBlob(config, from: source, into: repositories[number])
      try client.mountBlob(layer, from: source, into: repositories[number])
    }
  }
  let pushes = Counter(limit: repositories.count * tagsEach)
  _ = try onThreads(16) { _ in
    let client = try RegistryClient(server)
    while let number = pushes.next() {
      let repository = repositories[number / tagsEach]
      let tag = tagName(number % tagsEach)
      let manifest = imageManifest(config: config, layers: [layer], note: "\(repository)-\(tag)")
      try client.pushManifest(repository, tag, manifest)
    }
  }
}
