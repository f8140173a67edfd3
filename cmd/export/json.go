package main

import (
	"encoding/json"
	"fmt"
	"io"
)

// printJSON prints a result for a program to read, laid out so that a person can.
func printJSON(to io.Writer, result any) error {
	encoder := json.NewEncoder(to)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(result); err != nil {
		return fmt.Errorf("printing the result: %w", err)
	}
	return nil
}
