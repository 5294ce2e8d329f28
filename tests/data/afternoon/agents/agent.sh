# Stands in for a coding agent, and for what they do on a bad afternoon. Its prompt comes on stdin; no model is asked.
prompt=$(cat)
again=
case $prompt in *"## Handover"*) again=yes ;; esac

finish() { # a file and its text
    mkdir -p "${1%/*}"
    echo "$2" >"$1"
    echo "Status: COMPLETE"
    exit 0
}

without_end() { # shows life, and never comes to an end
    number=0
    while number=$((number + 1)); do
        echo "Current Task: $1 $number"
        sleep 1
    done
}

echo "Current Task: reading $SQUAD_TASK"
case $SQUAD_TASK in
T1) # draws one chart after another, until it is told that there are enough
    case $prompt in *"three charts are enough"*) finish frontend/dashboard.ts "export const charts = 3" ;; esac
    without_end "draws chart" ;;
T2) # falls silent the first time
    [ "$again" ] || sleep 1000
    echo "Current Task: going on where the first one stopped"
    sleep 5
    finish backend/metrics.ts "export const metrics = []" ;;
T3) finish docs/metrics.md "A metric is a number with a name." ;;
T4) # has no luck the first time: squad is killed meanwhile
    [ "$again" ] || without_end "tests with browser"
    finish frontend/live.ts "export const live = true" ;;
*) finish docs/help.md "Look at the charts." ;;
esac
