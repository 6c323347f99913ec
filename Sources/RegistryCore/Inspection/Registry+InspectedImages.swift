public import Access
public import Metadata
internal import NIOCore
public import OCI

/// An image as the inspection knows it.
public struct InspectedImage: Sendable {
  /// Why there is no inventory.
  public enum Absence: Sendable {
    /// It is no image with a root file system.
    case noFiles
    /// It was pushed a moment ago, or nothing is read here.
    case unread
    /// An index lists it, and it is not here.
    case notHere
    /// It is an index, and not all of it was looked at: what is in the way.
    case beyondLimit(String)
  }

  /// As it was asked for, or the repository with the digest for an image of an index.
  public let name: ImageReference
  public let digest: Digest
  /// Of an image of an index, as the index says.
  public let platform: String?
  /// Nil: ``absence`` says why.
  public let inventory: ImageInventoryRow?
  public let absence: Absence

  /// - Parameter absence: what it is where there is no inventory.
  public init(
    name: ImageReference, digest: Digest, platform: String?, inventory: ImageInventoryRow?, absence: Absence = .noFiles
  ) {
    self.name = name
    self.digest = digest
    self.platform = platform
    self.inventory = inventory
    self.absence = absence
  }
}

// The images that a reference names. Whoever may pull an image may know of it (invariant I7).
extension Registry {
  /// How many images of an index are told of in one call. Real indexes have some ten.
  public static let inspectedImageLimit = 64
  /// How many indexes in an index are looked into. Real ones have none.
  static let nestedIndexLimit = 256

  /// The image that a reference names; of an index all its images, in its order, also those of indexes in it, without the records
  /// that builds attach. Where it has more than are looked at, the index itself stands behind them, with the reason.
  ///
  /// - Parameter platform: only the image for this one, such as `linux/arm64`.
  /// - Throws: `MANIFEST_UNKNOWN`, also where there is no image for the platform; `MANIFEST_INVALID`.
  public func inspectedImages(
    _ reference: Reference, platform: String? = nil, permit: Permit<Pull>
  ) async throws -> [InspectedImage] {
    let name = ImageReference(permit.repository, reference)
    let stored = try await manifest(reference, permit: permit)
    let manifest: Manifest
    do throws(ParseError) { manifest = try Self.parse(stored.body, stored.mediaType) } catch {
      throw RegistryError(error, as: .manifestInvalid)
    }
    guard manifest.kind == .index else {
      if let platform { try await checkPlatform(platform, of: manifest, stored.digest, name, permit) }
      let inventory = try await database.read { try $0.imageInventory(stored.digest) }
      return [
        InspectedImage(
          name: name, digest: stored.digest, platform: nil, inventory: inventory,
          absence: manifest.hasRootFileSystem ? .unread : .noFiles)
      ]
    }
    let found = try await database.read { transaction in
      var found: [InspectedImage] = []
      let left = try Self.eachImage(of: stored.digest, in: permit.repository, transaction) { image in
        guard platform.map({ image.isFor($0) }) ?? true else { return false }
        found.append(
          InspectedImage(
            name: ImageReference(permit.repository, .digest(image.digest)), digest: image.digest,
            platform: image.platform, inventory: try transaction.imageInventory(image.digest), absence: image.absence))
        return true
      }
      if let left {
        found.append(
          InspectedImage(
            name: name, digest: stored.digest, platform: nil, inventory: nil, absence: .beyondLimit(left)))
      }
      return found
    }
    guard !found.isEmpty || platform == nil else {
      throw RegistryError(.manifestUnknown, "\(name) has no image for \(platform ?? "")")
    }
    return found
  }

  /// - Throws: `MANIFEST_UNKNOWN` where an image that is in no index is for another platform, or does not say for which.
  private func checkPlatform(
    _ platform: String, of manifest: Manifest, _ digest: Digest, _ name: ImageReference, _ permit: Permit<Pull>
  ) async throws {
    var budget = Self.comparedConfigurationBytes
    let image = LoadedImage(name, digest, manifest, try await configuration(of: manifest, permit, &budget))
    guard image.platform.map({ ListedImage.isFor(platform, $0) }) ?? false else {
      let own = image.platform.map { "it is for \($0)" } ?? "it does not say what it is for"
      throw RegistryError(.manifestUnknown, "\(name) has no image for \(platform): \(own)")
    }
  }

  /// Goes through the image that a manifest is, or those that an index lists, in its order, also in indexes in it, without the
  /// records that builds attach. Ends when ``inspectedImageLimit`` of them count.
  ///
  /// - Parameter body: answers whether the image counts.
  /// - Returns: why not all of it was looked at; nil: it was.
  static func eachImage<R: Reading & ~Copyable>(
    of root: Digest, in repository: RepositoryName, _ transaction: borrowing R,
    _ body: (ListedImage) throws -> Bool
  ) throws -> String? {
    var waiting: [(digest: Digest, platform: String?)] = [(root, nil)]
    var seen: Set<Digest> = [root]
    var (count, nestedCount) = (0, 0)
    var left: String?
    while let (digest, platform) = waiting.popLast() {
      guard count < inspectedImageLimit else {
        return "it lists more than \(inspectedImageLimit) images, and the others are not looked at"
      }
      let found = try transaction.manifest(.digest(digest), in: repository, known: nil)
      if let found, found.mediaType.isIndex {
        if digest != root { nestedCount += 1 }
        guard nestedCount <= nestedIndexLimit else {
          left = "it has more than \(nestedIndexLimit) indexes in it, and the others are not looked at"
          continue
        }
        guard let index = try? parse(ByteBuffer(bytes: found.bytes ?? []), found.mediaType) else {
          left = "the index \(digest) cannot be read"
          continue
        }
        for part in index.manifests.reversed()
        where !(part.platform?.isUnknown ?? false) && seen.insert(part.digest).inserted {
          waiting.append((part.digest, part.platform?.comparedText ?? platform))
        }
        continue
      }
      if try body(ListedImage(digest: digest, platform: platform, found: found)) { count += 1 }
    }
    return left
  }
}

/// An image as an index lists it.
struct ListedImage {
  let digest: Digest
  /// As the index says.
  let platform: String?
  /// Nil: it is not here.
  let found: FoundManifest?

  /// Why there is nothing, where nothing was read of it.
  var absence: InspectedImage.Absence {
    guard let found, let bytes = found.bytes else { return .notHere }
    let manifest = try? Registry.parse(ByteBuffer(bytes: bytes), found.mediaType)
    return manifest?.hasRootFileSystem ?? false ? .unread : .noFiles
  }

  func isFor(_ platform: String) -> Bool { self.platform.map { Self.isFor(platform, $0) } ?? false }

  /// Whether an image for one platform is one for another that says less: `linux/arm64/v8` is `linux/arm64`.
  static func isFor(_ wanted: String, _ platform: String) -> Bool {
    platform == wanted || platform.hasPrefix(wanted + "/") || platform.hasPrefix(wanted + "@")
  }
}

extension Platform {
  /// The mark of records that a build attaches beside its images.
  var isUnknown: Bool { os == "unknown" && architecture == "unknown" }
}

extension Manifest {
  /// It is an image that a runtime unpacks: its configuration is one of images.
  var hasRootFileSystem: Bool {
    config.map { $0.mediaType == .ociConfig || $0.mediaType == .dockerConfig } ?? false
  }
}
