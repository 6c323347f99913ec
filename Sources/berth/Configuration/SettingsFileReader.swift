/// Puts the values of a configuration file into settings.
struct SettingsFileReader {
  let table: SettingTable
  /// The file's name for messages.
  let path: String

  /// Reads what can be read and reports everything else; a value that is wrong leaves its setting alone.
  func read(_ bytes: [UInt8], into loading: inout SettingsLoading) {
    let document: (root: YAMLNode?, problems: [YAMLProblem])
    do throws(YAMLProblem) {
      document = try YAMLParser.parse(bytes)
    } catch {
      loading.errors.append(place(error.mark), error.message)
      return
    }
    var problems = SettingsLoading(settings: loading.settings)
    for problem in document.problems { problems.errors.append(place(problem.mark), problem.message) }
    if let root = document.root { readMapping(root, of: "", into: &problems) }
    loading.merge(problems, sortedByPlace: true)
  }

  private func readMapping(_ node: YAMLNode, of section: String, into loading: inout SettingsLoading) {
    switch node.content {
    case .mapping(let members):
      var lines: [String: Int] = [:]
      for (key, value) in members {
        guard case .scalar(let scalar) = key.content else {
          if case .refused = key.content { continue }
          loading.errors.append(place(key.mark), "a key must be a word, not a list or a group")
          continue
        }
        if let line = lines.updateValue(key.mark.line, forKey: scalar.text) {
          loading.errors.append(
            place(key.mark), "key \(quoted(scalar.text))\(under(section)) appears twice, first on line \(line)")
          continue
        }
        readMember(scalar.text, at: key.mark, value, of: section, into: &loading)
      }
    // A section whose keys are all commented out.
    case .scalar(let scalar) where scalar.isNull: break
    case .refused: break
    case .scalar, .sequence:
      let example = table.children(of: section).first ?? ""
      let subject = section.isEmpty ? "the file" : "\"\(section)\""
      loading.errors.append(place(node.mark), "\(subject) must hold keys with values, such as \"\(example): …\"")
    }
  }

  private func readMember(
    _ key: String, at mark: TextMark, _ value: YAMLNode, of section: String, into loading: inout SettingsLoading
  ) {
    let path = section.isEmpty ? key : "\(section).\(key)"
    // A dot inside a key would otherwise pass for a level.
    if !key.contains("."), let definition = table.definition(path: path) {
      readValue(value, of: definition, into: &loading)
    } else if !key.contains("."), table.section(path: path) != nil {
      readMapping(value, of: path, into: &loading)
    } else {
      let hint = loading.errors.isFull ? "" : suggestion(for: key, in: section)
      loading.errors.append(place(mark), "unknown key \(quoted(key))\(under(section))\(hint)")
    }
  }

  private func readValue(_ node: YAMLNode, of definition: SettingDefinition, into loading: inout SettingsLoading) {
    let raw: RawValue
    var elementMarks: [TextMark] = []
    switch node.content {
    case .refused: return
    case .scalar(let scalar): raw = scalar.isNull ? .null : .text(scalar.text)
    case .mapping:
      loading.fail(definition, place(node.mark), "takes \(definition.summary), not a group of keys")
      return
    case .sequence(let elements):
      var texts: [String] = []
      for element in elements {
        switch element.content {
        case .scalar(let scalar): texts.append(scalar.text)
        case .refused: return
        case .sequence, .mapping:
          loading.fail(definition, place(element.mark), "holds a list or a group where one value belongs")
          return
        }
        elementMarks.append(element.mark)
      }
      raw = .list(texts)
    }
    loading.apply(raw, to: definition, from: place(node.mark)) { element in
      elementMarks.indices.contains(element) ? place(elementMarks[element]) : place(node.mark)
    }
  }

  private func place(_ mark: TextMark) -> SettingSource { .file(path: path, mark: mark) }

  private func under(_ section: String) -> String { section.isEmpty ? "" : " under \"\(section)\"" }

  /// A neighbour with a similar name, else the place where a key of exactly this name belongs.
  private func suggestion(for key: String, in section: String) -> String {
    if table.definition(path: key) != nil || table.section(path: key) != nil {
      return "; write \"\(lastComponent(of: key))\""
        + (parentPath(of: key).isEmpty ? " at the top" : " under \"\(parentPath(of: key))\"")
    }
    if let near = nearest(to: key, among: table.children(of: section)) { return "; did you mean \"\(near)\"?" }
    let elsewhere = table.definitions.map(\.path).filter { lastComponent(of: $0) == key }
    if let first = elsewhere.first, elsewhere.count == 1 {
      return "; did you mean \"\(key)\" under \"\(parentPath(of: first))\"?"
    }
    return ""
  }
}
