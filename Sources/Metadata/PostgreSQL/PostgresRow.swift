import CPostgres

/// A row of a result in PostgreSQL's binary form. Shared by all rows of a result, one after the other.
final class PostgresRow: RowColumns {
  private let result: OpaquePointer
  var index: Int32 = 0

  init(_ result: OpaquePointer) { self.result = result }

  private func raw(_ column: Int) -> UnsafeRawBufferPointer {
    let count = Int(berth_pq_length(result, index, Int32(column)))
    return UnsafeRawBufferPointer(start: berth_pq_value(result, index, Int32(column)), count: count)
  }

  /// Whole numbers of any width, and booleans: big-endian two's complement.
  func integer(_ column: Int) -> Int64 {
    let bytes = raw(column)
    guard let first = bytes.first else { return 0 }
    let start = bytes.count > 1 ? Int64(Int8(bitPattern: first)) : Int64(first)
    return bytes.dropFirst().reduce(start) { $0 << 8 | Int64($1) }
  }

  func text(_ column: Int) -> String { String(decoding: raw(column), as: UTF8.self) }
  func bytes(_ column: Int) -> [UInt8] { Array(raw(column)) }
  func isNull(_ column: Int) -> Bool { berth_pq_is_null(result, index, Int32(column)) == 1 }
}
