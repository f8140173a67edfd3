package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browser is a headless Chromium with a profile of its own. Without one the test is skipped, unless OMEGA_E2E_PAGE is set.
func browser(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("OMEGA_E2E_PAGE") != "" {
			t.Fatalf("chromium is not on the PATH, and make test-page wants it: %v", err)
		}
		t.Skip("chromium is not on the PATH: the page is not looked at (make test-page requires it)")
	}
	flags := append([]chromedp.ExecAllocatorOption{}, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true))
	allocated, stop := chromedp.NewExecAllocator(t.Context(), flags...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocated)
	t.Cleanup(cancel)
	ctx, end := context.WithTimeout(ctx, 90*time.Second)
	t.Cleanup(end)
	return ctx
}

// watched notes what a page asks for, and what it complains of.
type watched struct {
	mutex             sync.Mutex // guards all below
	requests, console []string
}

func watch(ctx context.Context) *watched {
	w := &watched{}
	chromedp.ListenTarget(ctx, func(event any) {
		w.mutex.Lock()
		defer w.mutex.Unlock()
		switch event := event.(type) {
		case *network.EventRequestWillBeSent:
			w.requests = append(w.requests, event.Request.URL)
		case *log.EventEntryAdded:
			w.console = append(w.console, event.Entry.Text)
		case *runtime.EventConsoleAPICalled:
			w.console = append(w.console, fmt.Sprint(event.Type))
		case *runtime.EventExceptionThrown:
			w.console = append(w.console, event.ExceptionDetails.Text)
		}
	})
	return w
}

// pageOf draws a report with the built program.
func pageOf(t *testing.T, report string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "page.html")
	if text, err := exec.Command(binary, "report", report, "--html", path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return path
}

// seen is what a browser says of a page as it is shown.
type seen struct {
	Width, Overflow int
	Outside         []string // elements that reach beyond the right edge
	Charts          int      // visible, with a size and columns in them
	Overlaps        []string // texts of one chart that lie on one another
	Headline        string
}

const look = `(() => {
  const visible = e => { const b = e.getBoundingClientRect(); return b.width > 0 && b.height > 0 };
  const width = document.documentElement.clientWidth, charts = [...document.querySelectorAll('svg.chart')].filter(visible);
  const overlaps = [];
  for (const chart of charts) {
    const texts = [...chart.querySelectorAll('text')].map(e => [e.textContent, e.getBoundingClientRect()]);
    texts.forEach(([a, p], i) => texts.slice(i + 1).forEach(([b, q]) => {
      if (p.left < q.right && q.left < p.right && p.top < q.bottom && q.top < p.bottom) overlaps.push(a + ' / ' + b);
    }));
  }
  return {
    Width: width, Overflow: document.documentElement.scrollWidth - width,
    Outside: [...document.querySelectorAll('body *')].filter(e => visible(e) && !e.closest('.scroll') && e.getBoundingClientRect().right > width + 1).map(e => e.tagName + ' ' + e.textContent.slice(0, 40)),
    Charts: charts.filter(c => c.querySelectorAll('path').length > 10).length, Overlaps: overlaps, Headline: document.querySelector('h1').textContent,
  };
})()`

// TestThePageIsReadableOnAnyScreenAndAsksForNothing looks at a good night and a bad one, and at a simulated run, on a desk
// and on a phone, by day and by night, and on paper. OMEGA_E2E_SCREENSHOTS names a folder for what it saw.
func TestThePageIsReadableOnAnyScreenAndAsksForNothing(t *testing.T) {
	ctx := browser(t)
	simulated := filepath.Join(t.TempDir(), "simulated.json")
	run := exec.Command(binary, "run", "--simulate", "--rate", "50", "--list", "../testdata/numeros.txt", "--max-calls", "60", "--progress", "none", "--log-level", "error",
		"--out", filepath.Join(t.TempDir(), "out"), "--state", filepath.Join(t.TempDir(), "state"), "--report", simulated)
	if text, err := run.CombinedOutput(); exitOf(t, err) != 75 {
		t.Fatalf("%v: %s", err, text)
	}
	refused := served(t, "--gateway", "none", "--latency", "1ms", "--client-id", "another", "--code-cdgf", "A04000000X")
	noCalls := filepath.Join(t.TempDir(), "refused.json")
	refused.run(77, "--list", "../testdata/numeros.txt", "--report", noCalls)
	for _, night := range []struct {
		name, report, headline string
		charts                 int
	}{
		{"good", "../internal/page/testdata/good-night.json", "Done: all that was due is done", 3},
		{"bad", "../internal/page/testdata/bad-night.json", "Failed: the output or the state cannot be written", 3},
		{"simulated", simulated, "Stopped with work left", 3},
		{"refused", noCalls, "Failed: the credentials or the code_cdgf are refused", 0},
	} {
		file := pageOf(t, night.report)
		for _, screen := range []struct {
			name   string
			width  int64
			scheme string
		}{{"desktop", 1200, "light"}, {"phone", 360, "light"}, {"tablet", 768, "light"}, {"desktop-dark", 1200, "dark"}} {
			t.Run(night.name+" "+screen.name, func(t *testing.T) {
				tab, done := chromedp.NewContext(ctx)
				defer done()
				w := watch(tab)
				address := (&url.URL{Scheme: "file", Path: file}).String()
				var got seen
				var shot []byte
				if err := chromedp.Run(tab, network.Enable(), log.Enable(), runtime.Enable(),
					chromedp.EmulateViewport(screen.width, 900, chromedp.EmulateScale(1)),
					emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: screen.scheme}}),
					chromedp.Navigate(address), chromedp.Evaluate(look, &got), chromedp.FullScreenshot(&shot, 100),
				); err != nil {
					t.Fatal(err)
				}
				keepShot(t, night.name+"-"+screen.name+".png", shot)
				if got.Width != int(screen.width) || got.Overflow > 0 || len(got.Outside) > 0 {
					t.Errorf("at %d px it is %d px too wide: %q", got.Width, got.Overflow, got.Outside)
				}
				if got.Charts != night.charts || len(got.Overlaps) > 0 {
					t.Errorf("%d charts are seen, want %d; texts on one another: %q", got.Charts, night.charts, got.Overlaps)
				}
				if !strings.Contains(got.Headline, night.headline) {
					t.Errorf("the headline is %q", got.Headline)
				}
				w.mutex.Lock()
				defer w.mutex.Unlock()
				for _, request := range w.requests {
					if request != address && request != "data:," {
						t.Errorf("it asks for %s", request)
					}
				}
				if len(w.console) > 0 {
					t.Errorf("the console says %q", w.console)
				}
			})
		}
	}
}

// TestThePageIsPrinted prints the bad night on A4.
func TestThePageIsPrinted(t *testing.T) {
	ctx := browser(t)
	file := pageOf(t, "../internal/page/testdata/bad-night.json")
	var paper []byte
	if err := chromedp.Run(ctx, chromedp.Navigate("file://"+file), chromedp.ActionFunc(func(ctx context.Context) (err error) {
		paper, _, err = page.PrintToPDF().WithPaperWidth(8.27).WithPaperHeight(11.69).Do(ctx)
		return err
	})); err != nil {
		t.Fatal(err)
	}
	keepShot(t, "bad.pdf", paper)
	if pages := strings.Count(string(paper), "/Type /Page\n"); !strings.HasPrefix(string(paper), "%PDF") || pages < 1 || pages > 4 {
		t.Errorf("%d pages in %d bytes", pages, len(paper))
	}
}

func keepShot(t *testing.T, name string, content []byte) {
	t.Helper()
	folder := os.Getenv("OMEGA_E2E_SCREENSHOTS")
	if folder == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestAHostileReportRunsNoScript gives the page a report whose every name is a script, and a browser to run it.
func TestAHostileReportRunsNoScript(t *testing.T) {
	ctx := browser(t)
	text, err := os.ReadFile("../internal/page/testdata/bad-night.json")
	if err != nil {
		t.Fatal(err)
	}
	hostile, err := json.Marshal(`<script>document.title='owned'</script><img src='http://127.0.0.1:9/x' onerror="document.title='owned'">`)
	if err != nil {
		t.Fatal(err)
	}
	spoiled := string(text)
	for _, name := range []string{"introuvable", "demande_chf", "A04000000X", "ne_tient_pas"} {
		spoiled = strings.ReplaceAll(spoiled, `"`+name+`"`, string(hostile))
	}
	report := filepath.Join(t.TempDir(), "hostile.json")
	if err := os.WriteFile(report, []byte(spoiled), 0o600); err != nil {
		t.Fatal(err)
	}
	w := watch(ctx)
	var title string
	if err := chromedp.Run(ctx, network.Enable(), log.Enable(), chromedp.Navigate("file://"+pageOf(t, report)), chromedp.Title(&title)); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(title, "omega-export run 41") {
		t.Errorf("the title is %q", title)
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for _, request := range w.requests {
		if strings.HasPrefix(request, "http") {
			t.Errorf("it asks for %s", request)
		}
	}
	if len(w.console) > 0 {
		t.Errorf("the console says %q", w.console)
	}
}
