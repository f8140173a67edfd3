// Package bucket holds outputs in buckets against their promises: through sink's own API, and with the built program
// killed and cut off at every stage of publishing. The bucket is fsouza/fake-gcs-server in this process, behind a front
// that can fail each write.
package bucket
