package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Limits on a file, so that no text exhausts memory or the stack.
const (
	fileSizeMax = 4 << 20
	nestingMax  = 64
	indentMax   = 2000 // columns, or chained "- - -"
)

// A File is a parsed configuration file.
type File struct {
	name     string
	dir      string
	root     *node
	faults   Faults // of the environment and of the structure
	settings []Setting
}

// Load reads a file. The error is Faults if the file cannot be used at all.
// lookup gives environment variables; os.LookupEnv is the usual one.
func Load(path string, lookup func(string) (string, bool)) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, openFault(path, err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, Faults{{Pos{File: path}, "is a directory, a file is expected"}}
	}
	text, err := io.ReadAll(io.LimitReader(f, fileSizeMax+1))
	if err != nil {
		return nil, openFault(path, err)
	}
	return Parse(path, text, lookup)
}

func openFault(path string, err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	return Faults{{Pos{File: path}, err.Error()}}
}

// Parse takes a file's text. The name stands in faults, and relative paths
// start at its folder.
func Parse(name string, text []byte, lookup func(string) (string, bool)) (file *File, err error) {
	// The YAML parser is not ours; what it trips over is a fault of the file.
	defer func() {
		if r := recover(); r != nil {
			file, err = nil, Faults{{Pos{File: name}, fmt.Sprintf("cannot be read as YAML: %v", r)}}
		}
	}()
	p := &parsing{name: name, lookup: lookup}
	if p.lookup == nil {
		p.lookup = func(string) (string, bool) { return "", false }
	}
	root, err := p.parse(text)
	if err != nil {
		return nil, err
	}
	return &File{name: name, dir: filepath.Dir(name), root: root, faults: p.faults}, nil
}

type parsing struct {
	name   string
	lookup func(string) (string, bool)
	refs   []reference
	faults Faults
}

func (p *parsing) parse(raw []byte) (*node, error) {
	text, fault := p.checkText(raw)
	if fault != nil {
		return nil, Faults{*fault}
	}
	text, p.refs = maskReferences(text)
	parsed, err := parser.ParseBytes([]byte(text), 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, Faults{p.syntaxFault(err)}
	}
	var body ast.Node
	for _, doc := range parsed.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.DirectiveType {
			continue
		}
		if body != nil {
			line, column := place(doc.Body)
			return nil, Faults{p.fault(line, column, "", "a second document begins; one is expected")}
		}
		body = doc.Body
	}
	if body == nil {
		return nil, Faults{p.fault(1, 1, "", "the file is empty")}
	}
	root := p.convert(body, "", 0)
	if root.kind != mappingKind && root.kind != nullKind {
		return nil, Faults{p.fault(root.line, root.column, "", "a mapping is expected, found "+root.describe())}
	}
	return root, nil
}

// checkText refuses what is no text and what is nested beyond reason.
func (p *parsing) checkText(raw []byte) (string, *Fault) {
	if len(raw) > fileSizeMax {
		f := p.fault(0, 0, "", fmt.Sprintf("is larger than %s", FormatSize(fileSizeMax)))
		return "", &f
	}
	text := strings.TrimPrefix(string(raw), "\ufeff")
	line, column, depth, leading := 1, 1, 0, true
	for i, r := range text {
		message := ""
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], string(utf8.RuneError)):
			message = "is not UTF-8 text"
		case r < ' ' && r != '\n' && r != '\r' && r != '\t':
			message = fmt.Sprintf("has the control character %U; text is expected", r)
		case r >= maskStart && r < maskZero+maskBase:
			message = fmt.Sprintf("has the private character %U, which is not accepted", r)
		}
		switch r {
		case '\n':
			line, column, leading = line+1, 0, true
		case '[', '{':
			depth++
		case ']', '}':
			depth = max(depth-1, 0)
		case ' ', '-', '?':
		default:
			leading = false
		}
		if depth > 4*nestingMax || leading && column > indentMax {
			message = "is nested too deeply"
		}
		if message != "" {
			f := p.fault(line, column, "", message)
			return "", &f
		}
		column++
	}
	return text, nil
}

func (p *parsing) syntaxFault(err error) Fault {
	var syntax *yaml.SyntaxError
	if !errors.As(err, &syntax) || syntax.Token == nil || syntax.Token.Position == nil {
		return p.fault(0, 0, "", "cannot be read as YAML")
	}
	message, _, _ := fill(syntax.Message, p.refs, nil)
	return p.fault(syntax.Token.Position.Line, syntax.Token.Position.Column, "", message)
}

func (p *parsing) fault(line, column int, path, message string) Fault {
	return Fault{Pos{File: p.name, Line: line, Column: column, Path: path}, message}
}

func (p *parsing) add(line, column int, path, message string) {
	p.faults = append(p.faults, p.fault(line, column, path, message))
}

// convert makes our tree of the parser's.
func (p *parsing) convert(n ast.Node, path string, depth int) *node {
	line, column := place(n)
	out := &node{line: line, column: column}
	if depth > nestingMax {
		out.kind, out.isFaulty = scalarKind, true
		p.add(line, column, path, "is nested too deeply")
		return out
	}
	switch n := n.(type) {
	case *ast.NullNode:
	case *ast.MappingNode:
		out.kind = mappingKind
		p.convertFields(out, n.Values, path, depth)
	case *ast.MappingValueNode:
		out.kind = mappingKind
		p.convertFields(out, []*ast.MappingValueNode{n}, path, depth)
	case *ast.SequenceNode:
		out.kind = listKind
		for i, item := range n.Values {
			out.items = append(out.items, p.convert(item, path+"["+strconv.Itoa(i)+"]", depth+1))
		}
	case *ast.LiteralNode:
		out.quoted = true
		p.scalar(out, n.Value.Value, path)
	case *ast.StringNode:
		out.quoted = n.Token.Type == token.SingleQuoteType || n.Token.Type == token.DoubleQuoteType
		p.scalar(out, n.Value, path)
	case ast.ScalarNode:
		switch n.Type() {
		case ast.AnchorType, ast.AliasType, ast.TagType, ast.MergeKeyType:
			p.refuse(out, path)
		default:
			p.scalar(out, n.GetToken().Value, path)
		}
	default:
		p.refuse(out, path)
	}
	return out
}

func (p *parsing) refuse(out *node, path string) {
	out.kind, out.isFaulty = scalarKind, true
	p.add(out.line, out.column, path, "anchors, aliases, merge keys and tags are not accepted; write the value out")
}

func (p *parsing) scalar(out *node, text, path string) {
	out.kind = scalarKind
	var wrong []string
	out.text, out.fromEnv, wrong = fill(text, p.refs, p.lookup)
	out.isFaulty = len(wrong) > 0
	for _, message := range wrong {
		p.add(out.line, out.column, path, message)
	}
}

func (p *parsing) convertFields(out *node, values []*ast.MappingValueNode, path string, depth int) {
	first := make(map[string]int, len(values))
	for _, value := range values {
		line, column := place(value.Key)
		switch value.Key.Type() {
		case ast.MergeKeyType, ast.MappingKeyType, ast.AnchorType, ast.AliasType, ast.TagType:
			p.add(line, column, path, "a key must be plain text; merge keys, anchors and compound keys are not accepted")
			continue
		}
		key, found, _ := fill(value.Key.GetToken().Value, p.refs, nil)
		at := join(path, key)
		if found {
			p.add(line, column, at, "the environment fills values, not keys")
			continue
		}
		if before, ok := first[key]; ok {
			p.add(line, column, at, fmt.Sprintf("is given twice, first in line %d", before))
			continue
		}
		first[key] = line
		child := p.convert(value.Value, at, depth+1)
		out.fields = append(out.fields, field{key: key, line: line, column: column, value: child})
	}
}

// place is where a node begins.
func place(n ast.Node) (line, column int) {
	switch m := n.(type) {
	case *ast.MappingNode:
		if !m.IsFlowStyle && len(m.Values) > 0 {
			n = m.Values[0].Key
		}
	case *ast.MappingValueNode:
		n = m.Key
	}
	if n == nil {
		return 0, 0
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line, t.Position.Column
	}
	return 0, 0
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
