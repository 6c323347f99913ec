import CPostgres

/// Bound values in PostgreSQL's binary form, laid out for a call of libpq.
struct PostgresParameters {
  // Object identifiers of types (pg_type.dat). 0 lets the server infer.
  private static let int8: UInt32 = 20
  private static let text: UInt32 = 25
  private static let bytea: UInt32 = 17

  let types: [UInt32]
  private var content: [UInt8] = []
  private var places: [Range<Int>?] = []

  init(_ values: [SQLValue]) {
    types = values.map { value in
      switch value {
      case .null: 0
      case .integer: Self.int8
      case .text: Self.text
      case .bytes: Self.bytea
      }
    }
    places.reserveCapacity(values.count)
    for value in values {
      let start = content.count
      switch value {
      case .null:
        places.append(nil)
        continue
      case .integer(let number): withUnsafeBytes(of: number.bigEndian) { content += $0 }
      case .text(let text): content += text.utf8
      case .bytes(let bytes): content += bytes
      }
      places.append(start..<content.count)
    }
    content.append(0)  // So that an empty value has an address.
  }

  /// Calls `body` with values, lengths and formats as libpq wants them.
  func withPointers<R>(
    _ body: (UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?) -> R
  ) -> R {
    let lengths = places.map { Int32($0?.count ?? 0) }
    let formats = [Int32](repeating: 1, count: places.count)
    return content.withUnsafeBytes { raw in
      let base = raw.baseAddress?.assumingMemoryBound(to: CChar.self)
      let values = places.map { place in place.flatMap { place in base.map { $0 + place.lowerBound } } }
      return values.withUnsafeBufferPointer { values in
        lengths.withUnsafeBufferPointer { lengths in
          formats.withUnsafeBufferPointer { body(values.baseAddress, lengths.baseAddress, $0.baseAddress) }
        }
      }
    }
  }
}
