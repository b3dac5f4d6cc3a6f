# Every recipe reads this first. It goes to the top of the clone and finds flm-edu and python: those of the active
# environment, or else those of .venv. It keeps to bash 3.2, which macOS has.
# shellcheck shell=bash
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
if [[ -z ${VIRTUAL_ENV:-} ]]; then
  for folder in .venv/bin .venv/Scripts; do
    if [[ -d $folder ]]; then PATH=$PWD/$folder:$PATH; fi
  done
fi
if ! command -v flm-edu >/dev/null; then
  echo "flm-edu is not installed. Run: make demo, or: pip install -e '.[test]' in an environment of your own" >&2
  exit 2
fi

# Runs a command that ends in `--out FOLDER --overwrite`. With RESUME=1, where FOLDER holds a saved state, the command
# goes on from it (`--resume`) and does not begin anew.
anew_or_on() {
  local state
  if [[ -n ${RESUME:-} && ${*: -1} == --overwrite ]]; then
    for state in "${@: -2:1}"/{,round-1/,flm/}training_state; do
      if compgen -G "$state/*.pt" >/dev/null; then set -- "${@:1:$#-1}" --resume; fi
    done
  fi
  "$@"
}

flm-edu() {
  anew_or_on command flm-edu "$@"
}

# check_words "ALLOWED WORDS" WORD...: ends the recipe where a WORD is not allowed, before anything is trained.
check_words() {
  local allowed=$1 word
  shift
  for word in "$@"; do
    if [[ " $allowed " != *" $word "* ]]; then
      echo "there is no $word here; choose among: $allowed" >&2
      exit 2
    fi
  done
}
