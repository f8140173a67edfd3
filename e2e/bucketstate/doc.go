// Package bucketstate tests the built program on hosts without a disk that lasts: lists, output and state in a bucket,
// which is an in-process server's, and hosts that are killed or run at once.
package bucketstate
