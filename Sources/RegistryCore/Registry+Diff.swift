public import Access
internal import BlobStorage
internal import NIOCore
public import OCI

// Comparing two images. What is compared is in Diff/; here it is fetched, each side by its own permit (invariant I7).
extension Registry {
  /// How many platforms of two indexes are compared in one call. Real indexes have some ten.
  public static let comparedPlatformLimit = 64
  /// The bytes of configurations that one call reads, so that hostile ones cannot fill the memory. Real ones have some KiB.
  static let comparedConfigurationBytes: Int64 = 32 << 20

  /// What differs between two images, artifacts or indexes.
  ///
  /// - Parameter platform: which image of an index, such as `linux/arm64`; one without a variant means any. Without it two
  ///   indexes are compared platform by platform, and of an index and an image the image's platform.
  /// - Throws: `MANIFEST_UNKNOWN`: one is not there, or an index has nothing for the platform; `MANIFEST_INVALID`.
  public func difference(
    from: (reference: Reference, permit: Permit<Pull>), to: (reference: Reference, permit: Permit<Pull>),
    platform: String? = nil
  ) async throws -> ImageDifference {
    var budget = Self.comparedConfigurationBytes
    var old = try await load(from.reference, from.permit, &budget)
    var new = try await load(to.reference, to.permit, &budget)
    if let platform {
      old = try await image(for: platform, of: old, from.permit, &budget)
      new = try await image(for: platform, of: new, to.permit, &budget)
    } else if old.manifest.kind != new.manifest.kind {
      guard let wanted = old.platform ?? new.platform else {
        throw RegistryError(
          .manifestUnknown, "one of the two is an index, and the other does not say its platform: name a platform")
      }
      old = try await image(for: wanted, of: old, from.permit, &budget)
      new = try await image(for: wanted, of: new, to.permit, &budget)
    }
    guard old.manifest.kind == .index, new.manifest.kind == .index else { return ImageDifference(from: old, to: new) }
    var platforms = PlatformDifference(from: old.manifest, to: new.manifest)
    for (index, pair) in platforms.pairs.enumerated() {
      guard index < Self.comparedPlatformLimit else {
        let limit = "only \(Self.comparedPlatformLimit) platforms are compared at once: name this one"
        platforms.changed.append(.init(pair, .failed(limit)))
        continue
      }
      platforms.changed.append(.init(pair, try await compare(pair, from.permit, to.permit, &budget)))
    }
    return ImageDifference(from: old, to: new, platforms: platforms)
  }

  private func compare(
    _ pair: PlatformDifference.Pair, _ from: Permit<Pull>, _ to: Permit<Pull>, _ budget: inout Int64
  ) async throws -> PlatformDifference.Outcome {
    do {
      let old = try await load(.digest(pair.from.digest), from, &budget)
      let new = try await load(.digest(pair.to.digest), to, &budget)
      guard old.manifest.kind == .image, new.manifest.kind == .image else {
        return .failed("there is an index in the index: compare it by its digest")
      }
      return .compared(ImageDifference(from: old, to: new))
    } catch let error as RegistryError where [.manifestUnknown, .manifestInvalid].contains(error.code) {
      return .failed(error.message)
    }
  }

  /// The image that an index has for a platform; an image is itself.
  private func image(
    for platform: String, of image: LoadedImage, _ permit: Permit<Pull>, _ budget: inout Int64
  ) async throws -> LoadedImage {
    guard image.manifest.kind == .index else {
      if let own = image.platform, !ListedImage.isFor(platform, own) {
        throw RegistryError(.manifestUnknown, "\(image.name) has no image for \(platform): it is for \(own)")
      }
      return image
    }
    let entries = image.manifest.manifests
    let entry =
      entries.first { $0.platform?.comparedText == platform }
      ?? entries.first { $0.platform?.comparedText?.hasPrefix(platform + "/") ?? false }
      ?? entries.first { $0.platform?.comparedText?.hasPrefix(platform + "@") ?? false }
    guard let entry else { throw RegistryError(.manifestUnknown, "\(image.name) has no image for \(platform)") }
    let found = try await load(.digest(entry.digest), permit, &budget)
    guard found.manifest.kind == .image else {
      throw RegistryError(.manifestUnknown, "\(image.name) has an index for \(platform): compare it by its digest")
    }
    return found
  }

  private func load(
    _ reference: Reference, _ permit: Permit<Pull>, _ budget: inout Int64
  ) async throws -> LoadedImage {
    let stored = try await manifest(reference, permit: permit)
    let manifest: Manifest
    do throws(ParseError) {
      manifest = try Self.parse(stored.body, stored.mediaType)
    } catch {
      throw RegistryError(error, as: .manifestInvalid)
    }
    return LoadedImage(
      ImageReference(permit.repository, reference), stored.digest, manifest,
      try await configuration(of: manifest, permit, &budget))
  }

  func configuration(
    of manifest: Manifest, _ permit: Permit<Pull>, _ budget: inout Int64
  ) async throws -> LoadedImage.Configuration {
    guard let config = manifest.config, config.mediaType == .ociConfig || config.mediaType == .dockerConfig else {
      return .none
    }
    let content: BlobContent
    do {
      content = try await blob(config.digest, permit: permit)
    } catch let error as RegistryError where error.code == .blobUnknown {
      return .missing("its configuration \(config.digest) is not there")
    }
    guard content.sizeBytes <= ImageConfiguration.sizeLimitBytes else {
      return .missing("its configuration has \(content.sizeBytes) bytes, more than are read")
    }
    budget -= content.sizeBytes
    guard budget >= 0 else {
      return .missing("the configurations of these indexes are too large to be read at once: name a platform")
    }
    let bytes = try await content.collect()
    guard let value = bytes.withUnsafeReadableBytes({ ImageConfiguration(parsing: $0) }) else {
      return .missing("its configuration is no JSON object")
    }
    return .image(value)
  }
}
