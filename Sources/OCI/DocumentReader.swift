/// Reads the members of one object of a pushed document; its errors name the place of what is wrong.
///
/// A member that is `null` is taken as absent: Go writes empty slices and maps so.
struct DocumentReader {
  let object: JSONObject
  private let list: String
  private let index: Int?

  /// Where the object stands, such as `layers[3]`; empty for the document itself. Put together only for a message.
  private var place: String { index.map { "\(list)[\($0)]" } ?? list }

  /// - Parameter index: the position of the object, if `place` is a list.
  /// - Throws: kind `.manifest` when `value` is no object or one of its keys stands there twice.
  init(_ value: JSONValue, place: String, index: Int? = nil) throws(ParseError) {
    list = place
    self.index = index
    guard let object = value.object else {
      let place = index.map { "\(place)[\($0)]" } ?? place
      throw ParseError(.manifest, "\(place.isEmpty ? "The manifest" : place) is not a JSON object.")
    }
    if let key = object.duplicateKey {
      let place = index.map { "\(place)[\($0)]" } ?? place
      // Readers differ in which of the two they take: what is checked here must be what clients see.
      throw ParseError(.manifest, "\(place.isEmpty ? "" : "\(place): ")The key \(quoted(key)) is there twice.")
    }
    self.object = object
  }

  func path(_ key: String) -> String { place.isEmpty ? key : "\(place).\(key)" }

  func value(_ key: String) -> JSONValue? {
    guard let value = object[key], !value.isNull else { return nil }
    return value
  }

  func string(_ key: String) throws(ParseError) -> String? {
    guard let value = value(key) else { return nil }
    guard let text = value.string else { throw ParseError(.manifest, "\(path(key)) is not a string.") }
    return text
  }

  func mediaType(_ key: String) throws(ParseError) -> MediaType? {
    guard let text = try string(key) else { return nil }
    do throws(ParseError) { return try MediaType(parsing: text) } catch { throw error.within(path(key)) }
  }

  func array(_ key: String) throws(ParseError) -> [JSONValue]? {
    guard let value = value(key) else { return nil }
    guard let array = value.array else { throw ParseError(.manifest, "\(path(key)) is not an array.") }
    return array
  }

  func strings(_ key: String) throws(ParseError) -> [String] {
    guard let array = try array(key) else { return [] }
    var strings: [String] = []
    strings.reserveCapacity(array.count)
    for element in array {
      guard let text = element.string else { throw ParseError(.manifest, "\(path(key)) is not an array of strings.") }
      strings.append(text)
    }
    return strings
  }

  func annotations() throws(ParseError) -> Annotations {
    guard let value = value("annotations") else { return [:] }
    let members = try DocumentReader(value, place: path("annotations")).object.members
    var pairs: [(String, String)] = []
    pairs.reserveCapacity(members.count)
    for member in members {
      guard let text = member.value.string else {
        throw ParseError(.manifest, "\(path("annotations")): the value of \(quoted(member.key)) is not a string.")
      }
      pairs.append((member.key, text))
    }
    return Annotations(pairs)
  }

  func descriptor(_ key: String) throws(ParseError) -> Descriptor? {
    guard let value = value(key) else { return nil }
    return try DocumentReader(value, place: path(key)).descriptor()
  }

  func descriptors(_ key: String, limit: Int) throws(ParseError) -> [Descriptor] {
    guard let array = try array(key) else { return [] }
    guard array.count <= limit else {
      throw ParseError(.manifest, "\(path(key)) has \(array.count) entries; the limit is \(limit).")
    }
    var descriptors: [Descriptor] = []
    descriptors.reserveCapacity(array.count)
    let list = path(key)
    for index in array.indices {
      descriptors.append(try DocumentReader(array[index], place: list, index: index).descriptor())
    }
    return descriptors
  }

  /// This object as a descriptor.
  private func descriptor() throws(ParseError) -> Descriptor {
    guard let mediaType = try mediaType("mediaType") else {
      throw ParseError(.manifest, "\(path("mediaType")) is missing.")
    }
    guard let digestText = try string("digest") else { throw ParseError(.manifest, "\(path("digest")) is missing.") }
    let digest: Digest
    do throws(ParseError) { digest = try Digest(parsing: digestText) } catch { throw error.within(path("digest")) }
    guard let size = value("size")?.integer, 0...Descriptor.sizeLimitBytes ~= size else {
      throw ParseError(
        .manifest, "\(path("size")) is not a whole number of bytes from 0 to \(Descriptor.sizeLimitBytes).")
    }
    return Descriptor(
      mediaType: mediaType, digest: digest, size: size, urls: try strings("urls"), annotations: try annotations(),
      artifactType: try artifactType(), platform: try platform(), hasData: try string("data") != nil)
  }

  /// The member `artifactType`; some clients write an empty string where they mean none.
  func artifactType() throws(ParseError) -> MediaType? {
    try string("artifactType") == "" ? nil : try mediaType("artifactType")
  }

  private func platform() throws(ParseError) -> Platform? {
    guard let value = value("platform") else { return nil }
    let reader = try DocumentReader(value, place: path("platform"))
    return Platform(
      architecture: try reader.string("architecture") ?? "", os: try reader.string("os") ?? "",
      osVersion: try reader.string("os.version"), osFeatures: try reader.strings("os.features"),
      variant: try reader.string("variant"))
  }
}
