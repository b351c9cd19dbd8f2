// Renders the templates of a folder with the values on stdin (JSON) as Helm does: by Go's text/template, with those of Helm's functions that
// our chart uses.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"text/template"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func toJSON(value interface{}) (string, error) {
	text, err := json.Marshal(value)
	return string(text), err
}

func indent(width int, text string) string {
	margin := strings.Repeat(" ", width)
	return margin + strings.ReplaceAll(text, "\n", "\n"+margin)
}

func main() {
	var scope map[string]interface{}
	must(json.NewDecoder(os.Stdin).Decode(&scope))
	files, err := filepath.Glob(os.Args[1] + "/*.yaml")
	must(err)
	sort.Strings(files)
	functions := template.FuncMap{"toJson": toJSON, "toString": func(value interface{}) string { return fmt.Sprint(value) }, "indent": indent}
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(err)
		parsed, err := template.New(file).Option("missingkey=error").Funcs(functions).Parse(string(text))
		must(err)
		fmt.Println("---")
		must(parsed.Execute(os.Stdout, scope))
	}
}
