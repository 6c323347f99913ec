import BlobStorage

/// Where the object store is: `s3://BUCKET/PREFIX?…`.
struct BlobsURL: Sendable, Equatable {
  let text: String
  let location: S3Location

  init(parsing text: String) throws(ValueProblem) {
    guard text.hasPrefix("s3://") else {
      throw ValueProblem("\(quoted(text)) does not begin with s3://; write for instance s3://bucket/prefix")
    }
    do throws(S3Location.Problem) {
      location = try S3Location(parsing: text, environment: processEnvironment())
    } catch {
      throw ValueProblem(error.description)
    }
    self.text = text
  }
}

extension SettingType<BlobsURL> {
  static let blobsURL = SettingType.scalar(
    summary: "URL (`s3://BUCKET/PREFIX?…`)",
    schema: .object([("type", .string("string")), ("pattern", .string("^s3://"))])
  ) { (text) throws(ValueProblem) in
    try BlobsURL(parsing: text)
  } render: {
    .text($0.text)
  }
}
