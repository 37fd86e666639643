// SPDX-License-Identifier: Apache-2.0

package spanring

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"strings"
	"testing"
)

func TestWhatIsExportedIsDocumented(t *testing.T) {
	source := func(info fs.FileInfo) bool { return !strings.HasSuffix(info.Name(), "_test.go") }
	positions := token.NewFileSet()
	packages, err := parser.ParseDir(positions, ".", source, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range packages["spanring"].Files {
		for _, declaration := range file.Decls {
			for _, name := range undocumented(declaration) {
				t.Errorf("%s: %s is exported and has no comment", positions.Position(name.Pos()), name.Name)
			}
		}
	}
}

func undocumented(declaration ast.Decl) (names []*ast.Ident) {
	note := func(name *ast.Ident, comment *ast.CommentGroup) {
		if name.IsExported() && (comment == nil || !strings.HasPrefix(withoutArticle(comment.Text()), name.Name)) {
			names = append(names, name)
		}
	}
	switch declaration := declaration.(type) {
	case *ast.FuncDecl:
		if declaration.Recv == nil || ast.IsExported(receiver(declaration.Recv.List[0].Type)) {
			note(declaration.Name, declaration.Doc)
		}
	case *ast.GenDecl:
		for _, spec := range declaration.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				note(spec.Name, declaration.Doc)
			case *ast.ValueSpec:
				comment := spec.Doc
				if comment == nil && len(declaration.Specs) == 1 {
					comment = declaration.Doc
				}
				for _, name := range spec.Names {
					note(name, comment)
				}
			}
		}
	}
	return names
}

func withoutArticle(text string) string {
	return strings.TrimPrefix(strings.TrimPrefix(text, "A "), "An ")
}

func receiver(expression ast.Expr) string {
	if pointer, ok := expression.(*ast.StarExpr); ok {
		expression = pointer.X
	}
	name, _ := expression.(*ast.Ident)
	return name.Name
}
