internal import BlobStorage
internal import Glibc
internal import Ground
public import Logging
internal import Metadata
internal import NIOCore
internal import OCI
public import RegistryCore
public import Scanning

/// An image of this machine, read and judged.
public struct ScannedImage: Sendable {
  public let image: InspectedImage
  /// As the layout or archive names it.
  public let name: String
  public let contents: ImageContents
  public let findings: [ImageFinding]
  /// Why nothing can be said of some packages; nil: all are judged.
  public let unjudged: String?
  /// What is not known of it besides.
  public let gaps: [String]
}

/// Reads and judges images that lie on this machine by the very engine of a registry, which is thrown away afterwards.
public struct LocalScan: Sendable {
  /// Why there is no answer.
  public struct Failure: Error, Sendable, CustomStringConvertible {
    public let description: String
  }

  private let registry: Registry
  private let inspector: WorkerSeries
  /// Lasts as long as the processes that are started from it.
  private let thread = WorkerPool(name: "berth-scan", threads: 1)
  private static let repository = "local/scan"
  private static let chunkBytes = 1 << 20

  /// - Parameter directory: a folder for this scan alone, empty.
  public init(
    directory: String, inspector: WorkerInspector = WorkerInspector(), logger: Logger
  ) async throws {
    registry = try await Registry(
      database: try SQLiteDatabase(path: directory + "/scan.db"),
      store: try LocalBlobStore(directory: directory, openFileLimit: 16), logger: logger)
    self.inspector = inspector.series()
  }

  /// - Parameters:
  ///   - platform: only images for this one; nil: all.
  ///   - advisories: files and folders with records of OSV or documents of CSAF.
  /// - Throws: ``ImageFiles/Failure``, ``RecordFiles/Failure``, ``Failure``.
  public func run(_ files: ImageFiles, platform: String?, advisories: [String]) async throws -> [ScannedImage] {
    try await withTaskExecutorPreference(thread) { try await scan(files, platform, advisories) }
  }

  private func scan(_ files: ImageFiles, _ platform: String?, _ advisories: [String]) async throws -> [ScannedImage] {
    let wanted = files.images.filter { image in
      platform.map { image.platform == $0 || image.platform?.hasPrefix($0 + "/") ?? false } ?? true
    }
    guard !wanted.isEmpty else { throw Failure(description: "there is no image for \(platform ?? "any platform")") }
    var known: [Digest: Result<LayerInventory, InspectionFailure>] = [:]
    var names: Set<AdvisorySubjectName> = []
    for image in wanted {
      for layer in image.layers where known[layer.digest] == nil { known[layer.digest] = try await read(layer) }
      names.formUnion(try await fold(image, known))
    }
    let broken = try await bring(advisories, about: names)
    let judged = try await wanted.asyncMap { try await self.judged($0, broken) }
    // Where no record of a package says how bad something is, those of others are asked, as in a registry.
    let ungraded = Set(judged.flatMap(\.findings).filter { $0.severity == "unknown" }.flatMap(\.names))
    guard !ungraded.isEmpty, try await grade(ungraded, by: advisories, notAbout: names) else { return judged }
    return try await wanted.asyncMap { try await self.judged($0, broken) }
  }

  private func read(_ layer: ImageFiles.Layer) async throws -> Result<LayerInventory, InspectionFailure> {
    do {
      // What the image's name does not mean says nothing of the image.
      guard try layer.isIntact() else {
        throw InspectionFailure("its bytes are not what its digest names: it was damaged or exchanged", isLasting: true)
      }
      return .success(try await inspector.inspect(chunks: Chunks(layer.extent)).inventory)
    } catch let failure as InspectionFailure {
      return .failure(failure)
    }
  }

  /// Writes what an image holds; answers by what names advisories speak of it.
  private func fold(
    _ image: ImageFiles.Image, _ layers: [Digest: Result<LayerInventory, InspectionFailure>]
  ) async throws -> Set<AdvisorySubjectName> {
    let record = ImageFold.record(of: image.layers.map { ($0.digest, layers[$0.digest]) })
    let due = try await registry.database.write { transaction in
      try transaction.registerImage(image.digest, layers: image.layers.map(\.digest))
      return try transaction.takeDueImages(limit: 1, until: transaction.now + .seconds(3600))
    }
    try await registry.writeInventories(due.map { ($0, record) })
    return Set(
      record.packages.flatMap { use in
        use.package.subjects.map { AdvisorySubjectName(ecosystem: $0.ecosystem, name: $0.name) }
      })
  }

  /// Of the advisories those that speak of a package that is there. Answers why some of them are not known; nil: all are.
  private func bring(_ paths: [String], about names: Set<AdvisorySubjectName>) async throws -> String? {
    var broken = UnreadableRecords()
    // That there are advisories of an ecosystem is known by any of them.
    var ecosystems = Set(names.map(\.ecosystem))
    for path in paths {
      var kept: [Advisory] = []
      broken.begin(path)
      try RecordFiles.each(at: path, limitBytes: AdvisoryFormat.csaf.recordLimitBytes) { bytes in
        let advisories: [Advisory]
        broken.countRecord()
        do throws(ParseError) { advisories = try AdvisoryFormat.recognised(bytes) } catch {
          return broken.add(error, bytes)
        }
        kept += advisories.filter { advisory in
          Self.speaks(advisory, of: names)
            || advisory.affected.contains { ecosystems.remove($0.ecosystem.description) != nil }
        }
      }
      try await bring(kept, from: path)
    }
    return broken.reason
  }

  /// Brings the records in that say how bad vulnerabilities are and speak of other packages. Answers whether there are any.
  private func grade(
    _ vulnerabilities: Set<String>, by paths: [String], notAbout names: Set<AdvisorySubjectName>
  ) async throws -> Bool {
    var isAny = false
    for path in paths {
      var kept: [Advisory] = []
      try RecordFiles.each(at: path, limitBytes: AdvisoryFormat.csaf.recordLimitBytes) { bytes in
        // Why one cannot be read was told before.
        guard let advisories = try? AdvisoryFormat.recognised(bytes) else { return }
        kept += advisories.filter { advisory in
          Severity.chosen(advisory.severities) != nil && !Self.speaks(advisory, of: names)
            && (advisory.flaws + [advisory.id]).contains { vulnerabilities.contains($0) }
        }
      }
      isAny = isAny || !kept.isEmpty
      try await bring(kept, from: path)
    }
    return isAny
  }

  private static func speaks(_ advisory: Advisory, of names: Set<AdvisorySubjectName>) -> Bool {
    var naming = PackageNaming(advisory)
    return advisory.affected.contains { affected in
      let ecosystem = affected.ecosystem.description
      return naming.names(of: affected).contains {
        names.contains(AdvisorySubjectName(ecosystem: ecosystem, name: $0))
      }
    }
  }

  private func bring(_ advisories: [Advisory], from path: String) async throws {
    _ = try await AdvisoryImport.run(registry, feed: path, kind: "osv", expecting: advisories.count, isWhole: false) {
      work in
      for advisory in advisories { try await work.add(advisory) }
    }
  }

  private func judged(_ image: ImageFiles.Image, _ broken: String?) async throws -> ScannedImage {
    guard let repository = try? RepositoryName(parsing: Self.repository),
      let row = try await registry.database.read({ try $0.imageInventory(image.digest) })
    else { throw Failure(description: "\(image.name) was read and is not there") }
    let report = try await registry.report(on: row, in: repository)
    let unjudged = [broken, report.unjudged].compactMap { $0 }
    return ScannedImage(
      image: InspectedImage(
        name: ImageReference(repository, .digest(image.digest)), digest: image.digest, platform: image.platform,
        inventory: row),
      name: image.name, contents: try await registry.contents(of: row),
      findings: report.findings, unjudged: unjudged.isEmpty ? nil : unjudged.joined(separator: "; "),
      gaps: report.gaps)
  }

  /// The bytes of a part of a file.
  private struct Chunks: AsyncSequence, Sendable {
    typealias Element = ByteBuffer
    let extent: ImageFiles.Extent

    init(_ extent: ImageFiles.Extent) { self.extent = extent }

    func makeAsyncIterator() -> Iterator { Iterator(extent) }

    final class Iterator: AsyncIteratorProtocol {
      private let descriptor: Int32
      private var position: Int64
      private let end: Int64
      private let path: String

      init(_ extent: ImageFiles.Extent) {
        descriptor = open(extent.path, O_RDONLY | O_CLOEXEC)
        position = extent.offset
        end = extent.offset + extent.sizeBytes
        path = extent.path
      }

      deinit { if descriptor >= 0 { close(descriptor) } }

      func next() async throws -> ByteBuffer? {
        guard position < end else { return nil }
        var buffer = ByteBuffer()
        let wanted = Int(Swift.min(end - position, Int64(LocalScan.chunkBytes)))
        let count = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: wanted) { space in
          Swift.max(0, pread(descriptor, space.baseAddress, wanted, off_t(position)))
        }
        guard count > 0 else { throw InspectionFailure("\(path) cannot be read to its end", isLasting: false) }
        position += Int64(count)
        return buffer
      }
    }
  }
}

extension Sequence {
  fileprivate func asyncMap<T>(_ transform: (Element) async throws -> T) async throws -> [T] {
    var result: [T] = []
    for element in self { result.append(try await transform(element)) }
    return result
  }
}
