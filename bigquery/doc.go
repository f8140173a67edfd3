// Package bigquery parses and type-checks SQL as BigQuery would, with Google's own GoogleSQL analyzer: a script's statements in
// order, against a catalog to which the tables and views that they make are added. It promises that a misspelt name, a wrong
// type, an unknown function or an option that BigQuery does not have is an error that names the statement.
//
// It knows nothing of what only BigQuery itself knows: what stands behind the URIs, rights, whether an object changes from table to
// view, and the values of the options. The analyzer also takes some syntax that BigQuery has not got (yet).
//
// It is a module of its own because the analyzer takes minutes and gigabytes to compile.
package bigquery
