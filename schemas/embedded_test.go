package schemas

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
)

// guideTypes is the guide's list (§ 1.2), in its order and spelling.
const guideTypes = `ARLV Demande d'auto-relevé fournisseur
CHADR Demande de changement d'adresse PCE
CHF Demande de changement de fournisseur
CHFR Demande de changement de fréquence
CHT Demande de changement tarifaire
COUP Demande de coupure pour impayé
DIST Demande de distance
DIT Demande d'intervention technique
DPM Demande de changement date de publication mensuelle
ERREUR_PCE Déclaration d'erreur PCE ou contestation de souscription
CJA Demande de CJA
MCFU Demande de modification des caractéristiques de l'utilisateur final
MES Demande de mise en service
MHS Demande de mise hors service
MODIF_CAR_PRO Demande de modification de CAR/Profil
QSR Question sur relève
RAD Demande de relevé à date
RETB Demande de rétablissement suite à coupure pour impayé
RGR_DGR Demande de Regroupements / Dégroupements de PCE ou CJA
SMNT Demande de service maintenance
SPNS Demande de service pression non standard
DAN Demande d'analyse
TJDC Transmission des données de consommation journalières`

// guideRoot is the guide's example (§ 2.2.2), in its order, without numero_demande and the blocks.
const guideRoot = `type_demande__code STRING
type_demande__libelle STRING
cdgf__code STRING
cdgf__libelle STRING
statut_externe_demande__code STRING
statut_externe_demande__libelle STRING
cree_le TIMESTAMP
mode_traitement__code STRING
mode_traitement__libelle STRING
est_demande_fournisseur BOOLEAN
cree_par STRING
cree_automatiquement BOOLEAN
date_effet_contractuel DATE
date_dernier_changement_statut_externe DATE
derniere_date_demandee DATE
fournisseur_peut_prendre_rdv BOOLEAN
est_digitalisable BOOLEAN
presence_pj BOOLEAN
commentaire_soumission_analyse STRING
cdgf_erreur_pce__code STRING
cdgf_erreur_pce__libelle STRING`

func TestTheEmbeddedTypesAreTheGuides(t *testing.T) {
	guide := strings.Split(guideTypes, "\n")
	slices.Sort(guide)
	var ours []string
	for _, typ := range embeddedSet(t).Types() {
		ours = append(ours, typ.Code+" "+typ.Label)
		if len(typ.Columns) > 0 {
			t.Errorf("%s declares %v, which the guide does not", typ.Code, names(typ.Columns))
		}
	}
	if !slices.Equal(ours, guide) {
		t.Errorf("got\n%s", strings.Join(ours, "\n"))
	}
}

func TestTheEmbeddedRootIsTheGuides(t *testing.T) {
	set := embeddedSet(t)
	var ours []string
	for _, column := range set.Root() {
		ours = append(ours, fmt.Sprintf("%s %s", column.Name(), column.Type))
		if column.Since != "v0" || column.Description == "" {
			t.Errorf("%s is since %q, described %q", column.Name(), column.Since, column.Description)
		}
	}
	if strings.Join(ours, "\n") != guideRoot {
		t.Errorf("got\n%s", strings.Join(ours, "\n"))
	}
	blocks := []string{"informations_fournisseur", "informations_contractuelles", "informations_realisation", "informations_intervention", "informations_client"}
	if !slices.Equal(set.Blocks(), blocks) {
		t.Errorf("the blocks are %v", set.Blocks())
	}
}

func TestATypeIsFoundInAnyCase(t *testing.T) {
	set := embeddedSet(t)
	for _, code := range []string{"ERREUR_PCE", "erreur_pce", "Erreur_Pce"} {
		if typ, ok := set.Type(code); !ok || typ.Code != "ERREUR_PCE" {
			t.Errorf("%s gives %v, %v", code, typ, ok)
		}
	}
	if typ, ok := set.Type("ZZZ"); ok {
		t.Errorf("ZZZ gives %v", typ)
	}
	if columns := set.Columns("ZZZ"); !sameColumns(columns, set.Root()) {
		t.Errorf("a type that nobody declared has %v", names(columns))
	}
}

func TestTheEmbeddedFilesStandOverThemselves(t *testing.T) {
	files := map[string]string{}
	err := fs.WalkDir(embedded, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(embedded, path)
		files[path] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 25 {
		t.Fatalf("%d files are embedded", len(files))
	}
	set, own := loaded(t, files), embeddedSet(t)
	if !sameColumns(set.Root(), own.Root()) || len(set.Types()) != len(own.Types()) {
		t.Errorf("a copy of the embedded files gives %d columns and %d types", len(set.Root()), len(set.Types()))
	}
}

func BenchmarkEmbedded(b *testing.B) {
	for b.Loop() {
		if _, err := Embedded(); err != nil {
			b.Fatal(err)
		}
	}
}
