module dpojob.dev/tests/grafana

go 1.22.0

require github.com/grafana/grafana-foundation-sdk/go v0.0.22
