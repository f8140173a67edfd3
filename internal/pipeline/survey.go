package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"omega-export/internal/flatten"
	"omega-export/schemas"
)

// surveyRows is how many rows a survey's builder keeps before it forgets them.
const surveyRows = 2_000

// Survey holds raw answers against the schema files: what answers have that the files have not, and the reverse.
// It is for one goroutine. Close must be called.
type Survey struct {
	set    *schemas.Set
	types  map[string]*surveyed // by table
	parsed flatten.Document
}

// surveyed is what a survey knows of a type.
type surveyed struct {
	declared  *flatten.Table
	learner   *flatten.Learner
	builder   *flatten.Builder
	documents int64
}

// SurveyedType is what the answers of one type have beside its schema file.
type SurveyedType struct {
	Code      string
	Documents int64
	// New are the fields that no column is declared for.
	New []flatten.Learned
	// Misfits are the fields with values that the declared column cannot hold exactly, or that can be no column.
	Misfits []flatten.DriftField
	// Unseen are the declared columns that no answer had a value for.
	Unseen []flatten.Column
	// Values are how many answers had a value for each declared column, by the column's name.
	Values map[string]int64
}

// NewSurvey begins a survey against the schema files.
func NewSurvey(set *schemas.Set) *Survey { return &Survey{set: set, types: map[string]*surveyed{}} }

// Close frees the survey's memory.
func (s *Survey) Close() {
	for _, typ := range s.types {
		typ.builder.Release()
	}
}

// Look looks at one answer, which came at that moment; the time may be zero. It says of what demande the answer is. The
// error is why it is no document: flatten.ErrUnreadable, ErrNoNumber or ErrType.
func (s *Survey) Look(at time.Time, body []byte) error {
	if err := s.parsed.Parse(body); err != nil {
		return err
	}
	identity, err := s.parsed.Identity()
	if err != nil {
		return err
	}
	typ, err := s.typ(identity.Type)
	if err != nil {
		return err
	}
	typ.learner.ObserveDocument(identity.Numero, at, &s.parsed)
	if err := typ.builder.AppendDocument(flatten.Origin{Numero: identity.Numero, FetchedAt: at}, &s.parsed); err != nil {
		return err
	}
	if typ.builder.Rows() >= surveyRows {
		typ.builder.Record().Release()
	}
	typ.documents++
	return nil
}

func (s *Survey) typ(code string) (*surveyed, error) {
	name := flatten.TableName(code)
	if typ := s.types[name]; typ != nil {
		return typ, nil
	}
	table, err := flatten.NewTable(code, s.set)
	if err != nil {
		return nil, fmt.Errorf("type %s: %w", code, err)
	}
	s.types[name] = &surveyed{declared: table, learner: flatten.NewLearner(table), builder: flatten.NewBuilder(table)}
	return s.types[name], nil
}

// Types is what was seen, by code.
func (s *Survey) Types() []SurveyedType {
	var found []SurveyedType
	for _, typ := range s.types {
		seen := SurveyedType{Code: typ.declared.Type, Documents: typ.documents, Values: map[string]int64{}}
		_, seen.New = typ.learner.Evolve()
		for i, values := range typ.builder.Filled() {
			column := typ.declared.Columns[i]
			seen.Values[column.Name] = values
			if values == 0 {
				seen.Unseen = append(seen.Unseen, column)
			}
		}
		seen.Misfits = slices.DeleteFunc(typ.builder.Drift().Fields, func(field flatten.DriftField) bool {
			return field.Reason == flatten.NoColumn && hasColumn(seen.New, field.Path)
		})
		found = append(found, seen)
	}
	slices.SortFunc(found, func(a, b SurveyedType) int { return strings.Compare(a.Code, b.Code) })
	return found
}

// hasColumn says whether a field without a column is one of the new ones.
func hasColumn(columns []flatten.Learned, path string) bool {
	return slices.ContainsFunc(columns, func(column flatten.Learned) bool { return strings.Join(column.Path, ".") == path })
}
