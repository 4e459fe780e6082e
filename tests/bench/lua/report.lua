-- Ends wrk's output with one line that is easy to parse.
function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    "bench requests=%d duration_us=%d bytes=%d p50_us=%.1f p99_us=%.1f p999_us=%.1f "
      .. "max_us=%.1f connect=%d read=%d write=%d status=%d timeout=%d\n",
    summary.requests, summary.duration, summary.bytes,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9), latency.max,
    errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
