public import OCI

/// What differs between two images: one section for each kind of thing that is compared.
///
/// Sections are independent: what cannot be read in one is told in ``problems``, and the others are there all the same. What
/// inspection finds in images (packages, advisories) is compared in sections of its own.
public struct ImageDifference: Sendable, Equatable {
  /// One of the two.
  public struct Side: Sendable, Equatable {
    public let name: ImageReference
    public let digest: Digest
    public let mediaType: MediaType
    public let artifactType: MediaType?
    public let platform: String?
    /// Of configuration and layers; 0 for an index.
    public let sizeBytes: Int64
  }

  public let from: Side
  public let to: Side
  public let configuration: ConfigurationDifference
  public let annotations: NamedDifference
  public let layers: LayerDifference
  public let history: HistoryDifference
  /// Of indexes only.
  public let platforms: PlatformDifference?
  /// What could not be compared, and why.
  public let problems: [String]

  /// Compares two images or artifacts, or two indexes whose common platforms were compared before.
  ///
  /// - Parameter platforms: of indexes, from ``PlatformDifference``.
  public init(from: LoadedImage, to: LoadedImage, platforms: PlatformDifference? = nil) {
    self.from = Side(from)
    self.to = Side(to)
    self.platforms = platforms
    annotations = NamedDifference(from: from.manifest.annotations, to: to.manifest.annotations)
    layers = LayerDifference(from: from.manifest, to: to.manifest)
    var problems: [String] = []
    for side in [from, to] {
      if case .missing(let reason) = side.configuration { problems.append("\(side.name): \(reason)") }
    }
    self.problems = problems
    if case .image(let old) = from.configuration, case .image(let new) = to.configuration {
      configuration = ConfigurationDifference(from: old, to: new)
      history = HistoryDifference(from: old.history, to: new.history)
    } else {
      configuration = ConfigurationDifference()
      history = HistoryDifference()
    }
  }

  /// Whether the two are the same content. What has another digest differs, also where no section shows it.
  public var isSame: Bool { from.digest == to.digest }
}

extension ImageDifference.Side {
  init(_ image: LoadedImage) {
    name = image.name
    digest = image.digest
    mediaType = image.manifest.mediaType
    artifactType = image.manifest.kind == .image ? image.manifest.artifactType : nil
    platform = image.platform
    sizeBytes = image.sizeBytes
  }
}

/// Names with values, as they were and are. Each list is sorted by name.
public struct NamedDifference: Sendable, Equatable {
  public struct Change: Sendable, Equatable {
    public let name: String
    public let from: String
    public let to: String
  }

  public let added: [Annotations.Entry]
  public let removed: [Annotations.Entry]
  public let changed: [Change]

  public init(from: Annotations = [:], to: Annotations = [:]) {
    added = to.filter { from[$0.key] == nil }
    removed = from.filter { to[$0.key] == nil }
    changed = from.compactMap { old in
      guard let new = to[old.key], new != old.value else { return nil }
      return Change(name: old.key, from: old.value, to: new)
    }
  }
}

/// Members of sets, sorted.
public struct MemberDifference: Sendable, Equatable {
  public let added: [String]
  public let removed: [String]

  public init(from: [String] = [], to: [String] = []) {
    added = Set(to).subtracting(from).sorted()
    removed = Set(from).subtracting(to).sorted()
  }
}

/// What differs in how an image is run.
public struct ConfigurationDifference: Sendable, Equatable {
  public enum Field: String, Sendable, CaseIterable {
    case platform, entrypoint, command, user, workingDirectory, stopSignal
  }

  /// A field that has one value, which may be a list of words. Nil: it does not say.
  public struct Change: Sendable, Equatable {
    public let field: Field
    public let from: [String]?
    public let to: [String]?
  }

  public let fields: [Change]
  public let environment: NamedDifference
  public let labels: NamedDifference
  public let exposedPorts: MemberDifference
  public let volumes: MemberDifference

  /// Nothing.
  init() {
    fields = []
    environment = NamedDifference()
    labels = NamedDifference()
    exposedPorts = MemberDifference()
    volumes = MemberDifference()
  }

  public init(from: ImageConfiguration, to: ImageConfiguration) {
    fields = Field.allCases.compactMap { field in
      let (old, new) = (Self.value(field, from), Self.value(field, to))
      return old == new ? nil : Change(field: field, from: old, to: new)
    }
    environment = NamedDifference(from: Self.variables(from), to: Self.variables(to))
    labels = NamedDifference(from: from.labels, to: to.labels)
    exposedPorts = MemberDifference(from: from.exposedPorts, to: to.exposedPorts)
    volumes = MemberDifference(from: from.volumes, to: to.volumes)
  }

  private static func value(_ field: Field, _ configuration: ImageConfiguration) -> [String]? {
    func words(_ list: [String]) -> [String]? { list.isEmpty ? nil : list }
    return switch field {
    case .platform: configuration.platform.map { [$0] }
    case .entrypoint: words(configuration.entrypoint)
    case .command: words(configuration.command)
    case .user: configuration.user.map { [$0] }
    case .workingDirectory: configuration.workingDirectory.map { [$0] }
    case .stopSignal: configuration.stopSignal.map { [$0] }
    }
  }

  /// Of variables that are there twice, the last one counts, as when the image is run.
  private static func variables(_ configuration: ImageConfiguration) -> Annotations {
    Annotations(
      configuration.environment.map { line in
        guard let mark = line.firstIndex(of: "=") else { return (line, "") }
        return (String(line[..<mark]), String(line[line.index(after: mark)...]))
      })
  }
}
