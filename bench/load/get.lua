-- wrk: the same GET again and again. In the end, as every load here, one line that rig/wrk.py reads.
function done(summary, latency, requests)
    io.write(string.format("GATEPOST p50_us=%d p99_us=%d requests=%d refused=%d errors=%d " ..
        "seconds=%.3f\n",
        latency:percentile(50), latency:percentile(99), summary.requests,
        summary.errors.status, summary.errors.status + summary.errors.connect + summary.errors.read +
        summary.errors.write + summary.errors.timeout, summary.duration / 1e6))
end
