// Package deploy holds the files with which omega-export is scheduled; README.md tells which to choose. There is no code in
// it: its tests hold the Kubernetes manifests against Kubernetes' own types. It is a module of its own, so that these
// stay out of the program's go.mod. That the command lines and the exit codes are the program's, cmd/export tests.
package deploy
