package schemas

import "strings"

// suggestion is ": did you mean …?" with the known word that is nearest to the one written, or "" if none is near.
func suggestion(written string, known []string) string {
	if near := nearest(written, known); near != "" {
		return ": did you mean " + near + "?"
	}
	return ""
}

// nearest is the known word that is written, or that a slip or two turn into what is written; or "".
func nearest(written string, known []string) string {
	const longest = 40 // what is longer is no slip, and would take long to compare
	if len(written) > longest {
		return ""
	}
	best, fewest := "", len(written)/3+1
	folded := strings.ToLower(written)
	for _, word := range known {
		edits := distance(folded, strings.ToLower(word))
		if len(folded) > 2 && strings.HasPrefix(strings.ToLower(word), folded) {
			edits = min(edits, 1) // BOOL for BOOLEAN
		}
		if edits < fewest || edits == fewest && best == "" {
			best, fewest = word, edits
		}
	}
	return best
}

// distance is how many bytes must be inserted, dropped or replaced to turn one word into the other (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
