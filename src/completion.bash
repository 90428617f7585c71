# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2128
# Completion of calque's command lines for bash. The tables that it reads are made from the program's option tables and stand
# behind it in the installed file (src/completion.h says what is in them).
declare -gA _calque_options=() _calque_takes=()

# Completes $1 from the words in $2, kept apart from what is made of file names.
_calque_words() {
	local cur=$1 kept='' word words=()
	for word in $2; do
		case $word in
		'<file>') mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$cur") ;;
		'<dir>') [[ $2 == *'<file>'* ]] || mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -d -- "$cur") ;;
		,) [[ $cur == *,* ]] && kept=${cur%,*}, ;;
		*) words+=("$kept$word") ;;
		esac
	done
	[[ $2 == *'<'* ]] && compopt -o filenames 2>/dev/null
	mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -W "${words[*]}" -- "$cur")
	[[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[=:] ]] && compopt -o nospace 2>/dev/null
	return 0
}

_calque() {
	local cur=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} equals='' i
	COMPREPLY=()
	if ((COMP_CWORD < 2)); then
		_calque_words "$cur" "${_calque_takes[calque]}"
		return
	fi
	[[ $command ]] || return
	for ((i = 2; i < COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} == -- ]]; then
			command=${_calque_takes[$command --]}
			[[ $command ]] || return
		fi
	done
	# readline makes words of its own of what stands around "="
	if [[ $cur == '=' ]]; then
		equals='=' cur=''
	elif [[ $option == '=' ]]; then
		equals='=' option=${COMP_WORDS[COMP_CWORD-2]}
	fi
	if [[ $equals && ${_calque_takes[$command $option=]+known} ]]; then
		_calque_words "$cur" "${_calque_takes[$command $option=]}"
	elif [[ $option == -?* && ${_calque_takes[$command $option]+known} ]]; then
		_calque_words "$cur" "${_calque_takes[$command $option]}"
	elif [[ ! $equals && $cur == -* ]]; then
		_calque_words "$cur" "${_calque_options[$command]}"
	elif [[ ! $equals ]]; then
		_calque_words "$cur" "${_calque_takes[$command]}"
	fi
}
complete -F _calque calque
