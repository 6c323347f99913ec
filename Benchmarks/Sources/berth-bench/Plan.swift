/// How much is measured.
struct Plan: Sendable {
  /// Turns of each server whose median is taken.
  var rounds: Int
  /// Length of one turn of GET requests.
  var turnSeconds: Double
  /// 256 MiB blobs pushed in one turn.
  var largePushes: Int
  /// Small artifacts pushed by each server over all rounds.
  var smallArtifacts: Int
  /// Length of one turn of manifest requests beside streaming blobs.
  var latencyTurnSeconds: Double
  /// Starts of each server.
  var starts: Int
  /// Transfers of 1 GiB that are open at once, in each direction.
  var openTransfers: Int
  /// Tags of the larger registry, fifty to a repository.
  var scaleTags: Int
  /// Tags of the one large repository.
  var largeRepositoryTags: Int
  /// Blobs that nothing refers to, for the collector.
  var garbageBlobs: Int
  /// Artifacts pushed with, and without, the collector at work.
  var collectorArtifacts: Int

  /// Uncompressed bytes of the layer that is read.
  var layerBytes: Int
  /// Images of two hundred packages that are judged.
  var judgedImages: Int
  /// Advisories of a feed that is imported; each has some 1.5 KB.
  var importedAdvisories: Int

  /// Small artifacts pushed over an object store by each server.
  var sharedArtifacts: Int
  /// Tags of one repository over an object store.
  var sharedTags: Int
  /// Repositories over an object store.
  var sharedRepositories: Int

  static let full = Plan(
    rounds: 5, turnSeconds: 1.5, largePushes: 2, smallArtifacts: 10_000, latencyTurnSeconds: 3, starts: 5,
    openTransfers: 200, scaleTags: 100_000, largeRepositoryTags: 100_000, garbageBlobs: 100_000,
    collectorArtifacts: 10_000, layerBytes: 900 << 20, judgedImages: 10_000, importedAdvisories: 160_000,
    sharedArtifacts: 2_000, sharedTags: 10_000, sharedRepositories: 2_000)

  static let quick = Plan(
    rounds: 2, turnSeconds: 0.4, largePushes: 1, smallArtifacts: 800, latencyTurnSeconds: 1, starts: 2,
    openTransfers: 200, scaleTags: 10_000, largeRepositoryTags: 10_000, garbageBlobs: 10_000,
    collectorArtifacts: 2_000, layerBytes: 200 << 20, judgedImages: 500, importedAdvisories: 20_000,
    sharedArtifacts: 400, sharedTags: 1_000, sharedRepositories: 200)
}
