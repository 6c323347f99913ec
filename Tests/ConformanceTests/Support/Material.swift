import Testing

/// What one kind of content is made of: everything that is pushed, in an order in which each part finds what it names.
struct Material: Sendable {
  var blobs: [Content] = []
  var manifests: [Content] = []
  var tags: [String: Content] = [:]
  /// The tags go along with their manifests, as parameters.
  var usesTagParameters = false
  /// What refers to a digest, each with its type.
  var referrers: [String: [(manifest: Content, artifactType: String)]] = [:]

  static let types = ["application/vnd.example.one.v1", "application/vnd.example.two.v1"]

  /// Adds an image with two layers, or an artifact.
  mutating func addImage(
    layerType: String = MediaType.layer, layers count: Int = 2, artifactType: String? = nil, subject: Content? = nil,
    extra: String = "", _ algorithm: Algorithm = .sha256
  ) -> Content {
    let config = artifactType == nil ? Content.uniqueConfig(algorithm) : .emptyJSON
    let layers = (0..<count).map { _ in Content.unique(algorithm, mediaType: layerType) }
    var members = extra.isEmpty ? [] : [extra]
    if let artifactType { members.append(#""artifactType":"\#(artifactType)""#) }
    if let subject { members.append(#""annotations":{"n":"\#(Unique.number())"},\#(subject.asSubject)"#) }
    let image = Content.image(config: config, layers: layers, extra: members.joined(separator: ","), algorithm)
    blobs += [config] + layers
    manifests.append(image)
    if let subject { referrers[subject.digest, default: []].append((image, artifactType ?? MediaType.config)) }
    return image
  }

  mutating func addIndex(
    _ children: [Content], artifactType: String? = nil, subject: Content? = nil, extra: String = "",
    _ algorithm: Algorithm = .sha256
  ) -> Content {
    var members = extra.isEmpty ? [] : [extra]
    if let artifactType { members.append(#""artifactType":"\#(artifactType)""#) }
    if let subject { members.append(#""annotations":{"n":"\#(Unique.number())"},\#(subject.asSubject)"#) }
    let index = Content.index(children, extra: members.joined(separator: ","), algorithm)
    manifests.append(index)
    if let subject, let artifactType { referrers[subject.digest, default: []].append((index, artifactType)) }
    return index
  }
}

/// The kinds of content that the official suite pushes, but for sparse manifests, which are a setting, and very large ones, which
/// have a test of their own.
enum MaterialKind: String, Sendable, CaseIterable, CustomTestStringConvertible {
  case image, uncompressed, index, nestedIndex, emptyIndex, artifact, artifactIndex,
    artifactWithoutLayers,
    artifactsWithSubject, indexWithSubject, missingSubject, dataField, nonDistributable, customFields, noLayers, sha512,
    tagParameters, tagParametersSHA512

  var testDescription: String { rawValue }

  func material() -> Material {
    var all = Material()
    switch self {
    case .image: all.tags["image"] = all.addImage(layerType: MediaType.layer + "+gzip")
    case .uncompressed: all.tags["plain"] = all.addImage()
    case .index: all.tags["index"] = all.addIndex([all.addImage(), all.addImage()])
    case .nestedIndex:
      let inner = [all.addIndex([all.addImage(), all.addImage()]), all.addIndex([all.addImage()])]
      all.tags["index-of-index"] = all.addIndex(inner)
    case .emptyIndex: all.tags["index"] = all.addIndex([])
    case .artifact: all.tags["artifact"] = all.addImage(layers: 1, artifactType: Material.types[0])
    case .artifactIndex:
      let children = [all.addImage(layers: 1, artifactType: Material.types[0])]
      all.tags["artifact-index"] = all.addIndex(children, artifactType: Material.types[0])
    case .artifactWithoutLayers:
      all.blobs = [.emptyJSON]
      let extra = #""artifactType":"\#(Material.types[0])""#
      all.manifests = [.image(config: .emptyJSON, layers: [.emptyJSON], extra: extra)]
      all.tags["artifact-without-layers"] = all.manifests[0]
    case .artifactsWithSubject:
      let subject = all.addImage()
      all.tags["image"] = subject
      _ = all.addImage(subject: subject)
      for (number, type) in Material.types.enumerated() {
        all.tags["tagged-artifact\(number)"] = all.addImage(layers: 1, artifactType: type, subject: subject)
      }
    case .indexWithSubject:
      let subject = all.addIndex([all.addImage()])
      all.tags["index"] = subject
      all.tags["tagged-artifact"] = all.addIndex(
        [all.addImage()], artifactType: Material.types[0], subject: subject)
    case .missingSubject:
      let subject = Content.unique(mediaType: MediaType.image)
      all.tags["tagged-artifact"] = all.addImage(layers: 1, artifactType: Material.types[0], subject: subject)
    case .dataField:
      all.blobs = [.emptyJSON]
      let config = Content.emptyJSON.descriptor(#""data":"e30=""#)
      let text = #"{"schemaVersion":2,"mediaType":"\#(MediaType.image)","config":\#(config),"layers":[]}"#
      all.manifests = [Content(text: text, mediaType: MediaType.image)]
      all.tags["data-field"] = all.manifests[0]
    case .nonDistributable:
      let absent = [MediaType.nonDistributable, String(MediaType.nonDistributable.dropLast(5))].map {
        Content.unique(mediaType: $0)
      }
      let (config, layer) = (Content.uniqueConfig(), Content.unique())
      all.blobs = [config, layer]
      all.manifests = [.image(config: config, layers: absent + [layer])]
      all.tags["non-distributable-image"] = all.manifests[0]
    case .customFields:
      let child = all.addImage(extra: #""org.example.custom":{"a":[1,2]}"#)
      all.tags["custom-fields"] = all.addIndex([child], extra: #""org.example.custom":"x""#)
    case .noLayers: all.tags["no-layers"] = all.addImage(layers: 0)
    case .sha512: _ = all.addIndex([all.addImage(.sha512), all.addImage(.sha512)], .sha512)
    case .tagParameters, .tagParametersSHA512:
      let algorithm = self == .tagParameters ? Algorithm.sha256 : .sha512
      let index = all.addIndex([all.addImage(algorithm), all.addImage(algorithm)], algorithm)
      for (number, manifest) in all.manifests.enumerated() { all.tags["tag-\(number)"] = manifest }
      all.tags["tag"] = index
      all.usesTagParameters = true
    }
    return all
  }
}
