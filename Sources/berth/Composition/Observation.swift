import BlobStorage
import CLinux
import Ground
import HTTPService
import Metadata

// What an operator sees of the parts: `/readyz` and `/metrics`.

extension Health {
  /// With less free space than this, `/readyz` warns.
  private static let leastFreeBytes: Int64 = 64 << 20

  convenience init(_ storage: Storage, _ settings: Settings) {
    self.init()
    let database = storage.database
    add("database") {
      do {
        _ = try await database.read { try $0.keepsake("readiness") }
        return nil
      } catch {
        return .notReady("\(error)")
      }
    }
    switch storage.blobPart {
    case .files: add("storage") { Self.lookAtDisk(settings.storage.data) }
    case .objects(_, let client):
      // Without the object store some of the work goes on, and all replicas share it: a balancer has nowhere to go.
      add("storage", late: .warning("the object store does not answer")) {
        do {
          _ = try await client.size(of: "store-id")
          return nil
        } catch {
          return .warning("the object store fails: \(error)")
        }
      }
    }
  }

  private static func lookAtDisk(_ directory: String) -> Problem? {
    var free: Int64 = 0
    var total: Int64 = 0
    let status = berth_file_system_space(directory, &free, &total)
    if status != 0 { return .notReady("the data directory cannot be read (errno \(status))") }
    return free < leastFreeBytes ? .warning("only \(sizeText(free)) are free; pushes may fail") : nil
  }
}

extension Metrics {
  /// Adds the figures of the parts.
  func add(_ storage: Storage, _ settings: Settings) {
    addProcess()
    gauge("berth_build_info", "The version.", labels: "version=\"\(Berth.version)\"") { 1 }
    switch storage.databasePart {
    case .sqlite(let database): add(database)
    case .postgres(let database): add(database)
    }
    switch storage.blobPart {
    case .files(let store): add(store, settings.storage.data)
    case .objects(let store, let client): add(store, client)
    }
    if let cache = storage.cache { add(cache) }
  }

  private func add(_ database: SQLiteDatabase) {
    counting("berth_database_transactions_total", "Transactions that were committed.") {
      Double(database.commitFigures.transactions)
    }
    counting("berth_database_commits_total", "Commits that they shared.") { Double(database.commitFigures.commits) }
  }

  private func add(_ database: PostgresDatabase) {
    counting("berth_database_transactions_total", "Transactions that were committed.") {
      Double(database.figures.transactions)
    }
    counting("berth_database_round_trips_total", "Times that the database was waited for.") {
      Double(database.figures.roundTrips)
    }
    counting("berth_database_conflicts_total", "Transactions that were run again because of others.") {
      Double(database.figures.conflicts)
    }
    counting("berth_database_reconnections_total", "Transactions that were run again on another connection.") {
      Double(database.figures.reconnections)
    }
    gauge("berth_database_connections", "Connections that are open.") { Double(database.figures.open) }
    gauge("berth_database_connections_idle", "Connections that nobody uses.") { Double(database.figures.idle) }
    gauge("berth_database_waiting", "Requests that wait for a connection.") { Double(database.figures.waiting) }
  }

  private func add(_ store: LocalBlobStore, _ directory: String) {
    func space(_ pick: @escaping @Sendable (Int64, Int64) -> Int64) -> @Sendable () -> Double {
      {
        var free: Int64 = 0
        var total: Int64 = 0
        return berth_file_system_space(directory, &free, &total) == 0 ? Double(pick(free, total)) : 0
      }
    }
    gauge("berth_storage_free_bytes", "Free space where the data is.", space { free, _ in free })
    gauge("berth_storage_total_bytes", "All space where the data is.", space { _, total in total })
    gauge("berth_storage_journal_bytes", "Small blobs that wait to be settled.") { Double(store.journalSizeBytes) }
  }

  private func add(_ store: S3BlobStore, _ client: S3Client) {
    for operation in S3Operation.allCases {
      counting(
        "berth_s3_requests_total", "Requests to the object store.", labels: "operation=\"\(operation.rawValue)\""
      ) { Double(client.figures.requests[operation] ?? 0) }
    }
    counting("berth_s3_retries_total", "Requests that failed for the moment and were sent again.") {
      Double(client.figures.retries)
    }
    counting("berth_s3_failures_total", "Requests that failed in the end.") { Double(client.figures.failures) }
    counting("berth_s3_sent_bytes_total", "Bytes of bodies that were sent.") { Double(client.figures.bytesSent) }
    counting("berth_s3_received_bytes_total", "Bytes of bodies that came.") { Double(client.figures.bytesReceived) }
    gauge("berth_s3_buffered_bytes", "Bytes of uploads that wait in memory.") { Double(store.bufferedBytes) }
  }

  private func add(_ cache: CachingBlobStore) {
    gauge("berth_disk_cache_bytes", "Bytes in the cache on disk.") { Double(cache.figures.sizeBytes) }
    counting("berth_disk_cache_hits_total", "Blobs that the cache on disk had.") { Double(cache.figures.hits) }
    counting("berth_disk_cache_misses_total", "Blobs that it did not have.") { Double(cache.figures.misses) }
  }
}
