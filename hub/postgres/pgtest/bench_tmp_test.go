package pgtest_test
import ("testing";"time";"context";"github.com/jackc/pgx/v5";"fmt"
"github.com/canonhub/canonhub/hub/postgres/pgtest")
func TestTmpMany(t *testing.T){
 mig:=func(ctx context.Context,url string) error { c,err:=pgx.Connect(ctx,url); if err!=nil {return err}; defer c.Close(ctx)
  for i:=range 60 { if _,err:=c.Exec(ctx,fmt.Sprintf("create table t%d (id text primary key, x jsonb)",i));err!=nil{return err}}; return nil}
 pgtest.New(t,"tmp60",mig)
 for range 3 {
 a:=time.Now()
 t.Run("x",func(t *testing.T){ for range 20 { pgtest.New(t,"tmp60",mig)}; t.Log("20 create",time.Since(a)); a=time.Now()})
 t.Log("20 drop",time.Since(a))
 }
}
