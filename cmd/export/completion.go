package main

import (
	"fmt"
	"io"
)

// completionCmd is the arguments of `completion`.
type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help is what `completion --help` says beyond the flags.
func (*completionCmd) Help() string {
	return `Prints what makes a shell complete omega-export's commands, flags, their values and the names of the exports. The shell asks the program itself, so
that this need not be done again after an update.

Examples:
  source <(omega-export completion bash)
  omega-export completion bash > /etc/bash_completion.d/omega-export
  omega-export completion zsh > "${fpath[1]}/_omega-export"
  omega-export completion fish > ~/.config/fish/completions/omega-export.fish`
}

// Run prints the script.
func (c *completionCmd) Run(std streams) error {
	script := map[string]string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}[c.Shell]
	_, err := io.WriteString(std.out, script)
	return err
}

// bash splits words at = too; the program knows that.
const bashCompletion = `# bash completion of omega-export
_omega_export() {
    local cur=${COMP_WORDS[COMP_CWORD]} line answer=()
    [[ $cur == "=" ]] && cur=
    while IFS= read -r line; do answer+=("${line%%$'\t'*}"); done < <("${COMP_WORDS[0]}" __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    COMPREPLY=()
    case ${answer[0]} in
        files) compopt -o filenames; while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$cur") ;;
        folders) compopt -o filenames; while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -d -- "$cur") ;;
        *) COMPREPLY=("${answer[@]:1}") ;;
    esac
}
complete -F _omega_export omega-export
`

const zshCompletion = `#compdef omega-export
_omega_export() {
    local -a answer described
    local line
    answer=("${(@f)$("${words[1]}" __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    case ${answer[1]} in
        files) _files ;;
        folders) _files -/ ;;
        *)
            for line in "${(@)answer[2,-1]}"; do
                described+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
            done
            _describe omega-export described
            ;;
    esac
}
if [ "$funcstack[1]" = "_omega_export" ]; then
    _omega_export "$@"
else
    compdef _omega_export omega-export
fi
`

const fishCompletion = `# fish completion of omega-export
function __omega_export_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l answer ($words[1] __complete -- $words[2..-1] 2>/dev/null)
    switch "$answer[1]"
        case files
            __fish_complete_path (commandline -ct)
        case folders
            __fish_complete_directories (commandline -ct)
        case '*'
            printf '%s\n' $answer[2..-1]
    end
end
complete -c omega-export -f -a '(__omega_export_complete)'
`

// completeCmd is what the shells' scripts ask.
type completeCmd struct {
	Words []string `arg:"" optional:"" help:"The words after omega-export, up to the one that is being typed."`
}

// Help is what `__complete --help` says beyond the flags.
func (*completeCmd) Help() string {
	return `Prints how the last word may go on: on the first line what sort of words they are (words, files or folders: the shell knows these), then, of
words, one a line with what it means after a tab. The scripts of omega-export completion use it.

Example:
  omega-export __complete -- run --refresh ''`
}

// Run prints the answer. What cannot be completed is no error: a shell would show it amid what is typed.
func (c *completeCmd) Run(std streams, parser completing) error {
	answer := parser.complete(c.Words)
	fmt.Fprintln(std.out, answer.sort)
	for _, word := range answer.words {
		fmt.Fprintf(std.out, "%s\t%s\n", word.text, word.meaning)
	}
	return nil
}
