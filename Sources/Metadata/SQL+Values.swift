public import Ground
public import OCI

// How the values of the specification are stored: as the text that a person would look for.
extension Digest: SQLBindable { public var sqlValue: SQLValue { .text(description) } }
extension RepositoryName: SQLBindable { public var sqlValue: SQLValue { .text(text) } }
extension Tag: SQLBindable { public var sqlValue: SQLValue { .text(text) } }
extension MediaType: SQLBindable { public var sqlValue: SQLValue { .text(text) } }
extension Timestamp: SQLBindable { public var sqlValue: SQLValue { .integer(microseconds) } }

extension Row {
  /// - Throws: ``DatabaseError/corrupt(_:)`` when the column holds no such value: we wrote it, so it was damaged since.
  func digest(_ column: Int) throws -> Digest {
    let text = self.text(column)
    do { return try Digest(parsing: text) } catch { throw DatabaseError.corrupt("a digest is stored as “\(text)”") }
  }

  func repositoryName(_ column: Int) throws -> RepositoryName {
    let text = self.text(column)
    do { return try RepositoryName(parsing: text) } catch {
      throw DatabaseError.corrupt("a repository name is stored as “\(text)”")
    }
  }

  func tag(_ column: Int) throws -> Tag {
    let text = self.text(column)
    do { return try Tag(parsing: text) } catch { throw DatabaseError.corrupt("a tag is stored as “\(text)”") }
  }

  func mediaType(_ column: Int) throws -> MediaType {
    let text = self.text(column)
    do { return try MediaType(parsing: text) } catch {
      throw DatabaseError.corrupt("a media type is stored as “\(text)”")
    }
  }

  func timestamp(_ column: Int) -> Timestamp { Timestamp(microseconds: integer(column)) }
}
